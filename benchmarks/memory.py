"""Memory and images a second of `prepare`, `train` and `evaluate`, with more and more images of noise, 28 × 28.

Memory is what the kernel cannot drop: the most anonymous memory of the stage's process, looked at ten times a second.
Pages of mapped files are no part of it. The test split has 10,000 images, the network four filters. The seconds of
`train` are those of its one epoch, validation among them; the others' are their processes'. Takes 15 GB of the folder
for temporary files, and 5 GB of memory.

Prediction: memory grows by the labels, 8 bytes an image, and copies of them, 150 MB of six million in `train` and
`evaluate`; in `prepare` by 70 bytes an image more, of which scikit-learn makes Python's integers while it splits.
"""

import re
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import clones
from benchmarks.workspace import Workspace
from pipeline.base import files
from pipeline.data import arrays

COUNTS = (60_000, 600_000, 6_000_000)
TEST, CLASSES, SIDE = 10_000, 10, 28
PAUSE = 0.1  # seconds between two looks at a stage
STAGES = {
    "prepare": "data/raw data/prepared reports/samples.png",
    "train": "train@tiny-1 data/prepared models reports",
    "evaluate": "evaluate@tiny-1 data/prepared models data/evaluations reports",
}


class Stage(NamedTuple):
    """One stage's process: its seconds, and the most anonymous memory that it held, in bytes."""

    seconds: float
    memory: int


def table() -> str:
    """Run the stages on each number of images, and return a Markdown table."""
    lines = [f"| anonymous memory | {' | '.join(f'{count:,} images' for count in COUNTS)} | growth |"]
    lines.append("|---|" + "---:|" * (len(COUNTS) + 1))
    columns = [measured(count) for count in COUNTS]
    for name in STAGES:
        stages = [column[name] for column in columns]
        cells = [
            f"{stage.memory / 1e6:,.0f} MB, {count / stage.seconds:,.0f} images/s"
            for stage, count in zip(stages, COUNTS, strict=True)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {(stages[-1].memory - stages[0].memory) / 1e6:,.0f} MB |")
    return "\n".join(lines)


def measured(count: int) -> dict[str, Stage]:
    """Run the stages on so many images, made for it, of which a quarter becomes the validation part."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name))
        workspace.write(params())
        make(workspace.folder / "data/raw", count)
        stages = {}
        for stage, arguments in STAGES.items():
            stages[stage] = watched(workspace, f"pipeline.stages.{stage}", *arguments.split())
            print(f"{count:,} images, {stage}: {stages[stage]}", flush=True)
            if stage == "train":  # `evaluate` wants to know from dvc.lock what was trained
                seconds = clones.training_seconds(workspace.folder)
                stages[stage] = stages[stage]._replace(seconds=seconds)
                committed = workspace.run("dvc", "commit", "--force", "train@tiny-1")
                if committed.returncode:
                    raise RuntimeError(committed.stderr)
        return stages


def params() -> dict[str, Any]:
    """Return params of a network that is next to nothing beside its input."""
    return {
        "fetch": {"dataset": {"name": "npz", "path": "noise.npz"}},
        "prepare": {"validation_fraction": 0.25, "split": "stratified", "scaling": "unit", "seed": 1},
        "train": {
            **{"epochs": 1, "batch_size": 256, "optimizer": {"name": "adam", "learning_rate": 0.001}},
            **{"schedule": {"name": "constant"}, "loss": "sparse_categorical_crossentropy"},
            **{"early_stopping": None, "augmentation": None},
        },
        "robustness": {"images": 100},
        "seeds": [1],
        "export": {"models": [], "formats": ["litert"]},
        "models": {"tiny": {"blocks": [{"filters": [4]}], "global_pool": "max"}},
        "gate": {},
    }


def make(raw: Path, count: int) -> None:
    """Write what `fetch` would of so many training images."""
    raw.mkdir(parents=True)
    for split, images in (("train", count), ("test", TEST)):
        labels = np.arange(images) % CLASSES
        noise = np.random.default_rng(0).integers(0, 256, (images, SIDE, SIDE, 1), np.uint8)
        arrays.write(raw / split, noise, labels)
    files.write_json(raw / "dataset.json", {"name": "noise", "class_names": [str(label) for label in range(CLASSES)]})


def watched(workspace: Workspace, *command: str) -> Stage:
    """Run `python -m COMMAND` in the workspace and watch it."""
    began, memory = time.perf_counter(), 0
    process = workspace.start(*command)
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)  # none of a process that is ending
        memory = max(memory, 1024 * int(found[1]) if found else 0)
        time.sleep(PAUSE)
    seconds, said = time.perf_counter() - began, "".join(process.communicate())
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {said}")
    return Stage(seconds, memory)
