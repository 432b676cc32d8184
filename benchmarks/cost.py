"""What the pipeline costs beside its trainings: `dvc repro` in a fresh clone, with nothing to do, and with more images.

A training's own time is that of its epochs, as MLflow has them.
"""

import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil

from benchmarks import clones, recipes
from pipeline.base import files
from pipeline.data import arrays

PARAMS = ("params.yaml", "recipes/fast.yaml")
COUNTS = (6_000, 60_000)
PAUSE = 0.05  # seconds between two looks at the stages
STAGE = r"\S*python -m pipeline\.(?:stages|addons)\.(?:\w+\.stage |\w+ )?(fetch|prepare|duplicates|report|\w+@\S+)"


class Stage(NamedTuple):
    """One stage's process: its seconds, and the most memory it held, in bytes."""

    seconds: float
    memory: int


class Repro(NamedTuple):
    """One `dvc repro`: its seconds, those of its epochs, of a second one with nothing to do, and its stages."""

    seconds: float
    training: float
    nothing_to_do: float
    stages: dict[str, Stage]


def table() -> str:
    """Run all, and return Markdown tables."""
    runs = {name: repro(recipes.suited(Path(name))) for name in PARAMS}
    lines = ["| | `dvc repro` | epochs | ratio | nothing to do | stage with most memory |"]
    lines.append("|---|---:|---:|---:|---:|---|")
    for name, run in runs.items():
        stage = max(run.stages, key=lambda stage: run.stages[stage].memory)
        cells = [f"{run.seconds:,.0f} s", f"{run.training:,.0f} s", f"{run.seconds / run.training:.2f}"]
        cells += [f"{run.nothing_to_do:.1f} s", f"{stage}, {run.stages[stage].memory / 2**20:,.0f} MiB"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *growth()])


def growth() -> list[str]:
    """Compare the stages on fewer and on more of the training images, as rows of a table."""
    runs = [repro_of(count) for count in COUNTS]
    times = COUNTS[-1] / COUNTS[0]
    lines = [
        f"| stage | {' | '.join(f'{count:,} training images' for count in COUNTS)} | times ({times:.0f} × the images) |"
    ]
    lines.append("|---|" + "---:|" * (len(COUNTS) + 1))
    for name in runs[0].stages:
        stages = [run.stages[name] for run in runs]
        cells = [f"{stage.seconds:.1f} s, {stage.memory / 2**20:,.0f} MiB" for stage in stages]
        ratios = [stages[-1][index] / stages[0][index] for index in (0, 1)]
        lines.append(f"| {name} | {' | '.join(cells)} | {ratios[0]:.1f}, {ratios[1]:.1f} |")
    return lines


def repro_of(count: int) -> Repro:
    """Run recipes/fast.yaml on that many of Fashion-MNIST's training images, and all of its test images."""
    params = recipes.suited(Path("recipes/fast.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        named: dict[str, np.ndarray] = {}
        for part, most in (("train", count), ("test", None)):
            images, labels = arrays.read(Path("data/raw", part))
            named |= {f"x_{part}": images[:most], f"y_{part}": labels[:most]}
        files.write_arrays(Path(folder, "some.npz"), named)
        params["fetch"]["dataset"] = {"name": "npz", "path": f"{folder}/some.npz"}
        return repro(params)


def repro(params: dict[str, Any]) -> Repro:
    """Run `dvc repro` with these params in a clone of its own, twice."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clones.make(folder / "clone", params)
        seconds, stages = _watched(folder / "clone")
        nothing_to_do, _ = _watched(folder / "clone")
        return Repro(seconds, clones.training_seconds(folder / "clone"), nothing_to_do, stages)


def _watched(folder: Path) -> tuple[float, dict[str, Stage]]:
    began, stages = time.perf_counter(), dict[str, Stage]()
    process = psutil.Popen(["dvc", "repro"], cwd=folder, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        for child in process.children(recursive=True):
            _look(child, stages)
        time.sleep(PAUSE)
    if process.returncode:
        raise RuntimeError(f"dvc repro in {folder} ended with {process.returncode}")
    return time.perf_counter() - began, stages


def _look(child: psutil.Process, stages: dict[str, Stage]) -> None:
    try:
        command, memory, age = " ".join(child.cmdline()), child.memory_info().rss, time.time() - child.create_time()
    except psutil.NoSuchProcess:
        return
    found = re.match(STAGE, command)
    if found:
        before = stages.get(found[1], Stage(0, 0))
        stages[found[1]] = Stage(age, max(before.memory, memory))
