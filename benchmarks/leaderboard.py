"""What the README's leaderboard is taken from: what each model is right about, and how long it trains for that.

Every model of params.yaml and of three recipes is trained with three seeds, by `dvc repro` in a clone of its own; the
published VGG by Keras's `fit`, with one seed. Clones stay in `.benchmarks/`, so that a run that was killed goes on
where it was.
"""

import math
import statistics
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import clones, recipes, target
from benchmarks.processes import alone
from pipeline.base import files

PARAMS = ("params.yaml", "recipes/fast.yaml", "recipes/strong.yaml", "recipes/best.yaml")
SEEDS = (42, 43, 44)
PLAIN, PARAMETERS = "the published VGG, by Keras's `fit`", 5_240_842


class Entry(NamedTuple):
    """One model: its test accuracy with each seed, that of all of them together, and the seconds of one training."""

    name: str
    accuracies: list[float]
    together: float | None
    seconds: float
    parameters: int


def table() -> Iterator[str]:
    """Train each params file's models that are not there yet, and yield a Markdown table after each."""
    entries: list[Entry] = []
    for path in PARAMS:
        entries += trained(path)
        yield as_markdown(entries)
    yield as_markdown([*entries, plain()])


def as_markdown(entries: Iterable[Entry]) -> str:
    """Return a Markdown table, the most accurate model first."""
    lines = ["| model | test accuracy | together | seconds | parameters | seeds |", "|---|---:|---:|---:|---:|---:|"]
    ranked = sorted(entries, key=lambda entry: -statistics.mean(entry.accuracies))
    return "\n".join([*lines, *map(_line, ranked)])


def trained(path: str) -> list[Entry]:
    """Train the models of a params file with every seed, or go on with them."""
    folder = clones.kept(f"leaderboard-{Path(path).stem}")
    if not folder.exists():
        clones.make(folder, recipes.suited(Path(path)) | {"seeds": list(SEEDS)})
    subprocess.run(["dvc", "repro"], cwd=folder, check=True)
    return read(folder, "" if path == PARAMS[0] else f"{path}: ")


def read(folder: Path, of: str) -> list[Entry]:
    """Read what a clone has made of each of its models; `of` begins their names."""
    seconds, models = clones.seconds_by_training(folder), files.read_json(folder / "reports/models.json")
    return [
        Entry(
            of + name,
            [_accuracy(folder, f"{name}-{seed}") for seed in SEEDS],
            found["together"]["accuracy"],
            statistics.mean(seconds[f"{name}-{seed}"] for seed in SEEDS),
            found["parameters"],
        )
        for name, found in models.items()
    ]


def plain() -> Entry:
    """Train the published VGG to its end, as its write-up does."""
    file = clones.kept("leaderboard-plain") / "curve.json"
    if not file.exists():
        files.write_json(file, {"curve": alone(target.published, SEEDS[0], math.inf)})
    seconds, accuracy = files.read_json(file)["curve"][-1]
    return Entry(PLAIN, [accuracy], None, seconds, PARAMETERS)


def _accuracy(folder: Path, training: str) -> float:
    return float(files.read_json(folder / "reports" / training / "metrics.json")["test"]["accuracy"])


def _line(entry: Entry) -> str:
    several = len(entry.accuracies) > 1
    deviation = f" ± {statistics.stdev(entry.accuracies):.4f}" if several else ""
    cells = [entry.name, f"{statistics.mean(entry.accuracies):.4f}{deviation}"]
    cells += ["–" if entry.together is None else f"{entry.together:.4f}", f"{entry.seconds:,.0f}"]
    return "| " + " | ".join([*cells, f"{entry.parameters:,}", str(len(entry.accuracies))]) + " |"
