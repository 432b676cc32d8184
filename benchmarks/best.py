"""What `recipes/best.yaml` reaches with three seeds, each by `dvc repro` in a clone of its own.

Clones stay in `.benchmarks/`, so that a run that was killed goes on where it was.
"""

import statistics
import subprocess
from pathlib import Path

from benchmarks import clones, recipes
from pipeline.base import files

RECIPE, SEEDS = Path("recipes/best.yaml"), (42, 43, 44)
SPLITS = ("validation", "test", "mirrored")


def table() -> str:
    """Train with every seed, and return a Markdown table with mean and standard deviation."""
    rows = [outcome(seed) for seed in SEEDS]
    lines = ["| seed | minutes of training | validation | test | test, mirrored |", "|---|---:|---:|---:|---:|"]
    for seed, row in zip(SEEDS, rows, strict=True):
        lines.append(f"| {seed} | {row['minutes']:.1f} | " + " | ".join(f"{row[key]:.4f}" for key in SPLITS) + " |")
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    spread = [f"{statistics.mean(columns[key]):.4f} ± {statistics.stdev(columns[key]):.4f}" for key in SPLITS]
    lines.append(f"| mean ± deviation | {statistics.mean(columns['minutes']):.1f} | {' | '.join(spread)} |")
    return "\n".join(lines)


def outcome(seed: int) -> dict[str, float]:
    """Train with one seed, or go on with it, and return its accuracies and minutes."""
    folder = clones.kept(f"{RECIPE.stem}-{seed}")
    if not folder.exists():
        clones.make(folder, recipes.suited(RECIPE) | {"seeds": [seed]})
    subprocess.run(["dvc", "repro"], cwd=folder, check=True)
    metrics = files.read_json(folder / "reports" / f"{RECIPE.stem}-{seed}" / "metrics.json")
    test, validation = metrics["test"], metrics["validation"]["accuracy"]
    scores = {"validation": validation, "test": test["accuracy"], "mirrored": test["mirrored_accuracy"]}
    return scores | {"minutes": clones.training_seconds(folder) / 60}
