"""Trainings killed at random moments: the network, and the hand that kills."""

import os
import signal
import subprocess
import time
from typing import Any

import psutil

from benchmarks.workspace import Workspace
from pipeline.base import files

HEAVY: dict[str, Any] = {
    "blocks": [{"filters": [8, 16], "padding": "same", "dropout": 0.5}, {"filters": [16], "dropout": 0.5}],
    "dense": [{"units": 32, "dropout": 0.5}],
    "train": {"augmentation": {"rotation_range": 10, "zoom_range": 0.1, "horizontal_flip": True}},
}


def params(epochs: int) -> dict[str, Any]:
    """Return params that train an augmented, dropout-heavy network on digits, with everything a resume must restore."""
    return {
        "fetch": {"dataset": "digits"},
        "prepare": {
            "validation_fraction": 0.5,
            "test_fraction": 0.5,
            "split": "stratified",
            "scaling": "standard",
            "seed": 1,
        },
        "train": {
            **{"epochs": epochs, "batch_size": 32, "optimizer": {"name": "adam", "learning_rate": 0.01}},
            **{"schedule": {"name": "one_cycle"}, "early_stopping": {"patience": epochs}},
        },
        "robustness": {"images": 20},
        "seeds": [1],
        "export": {"models": [], "formats": ["litert", "litert_int8"]},
        "models": {"heavy": HEAVY},
        "gate": {},
    }


def states(workspace: Workspace) -> float:
    """Return the time of the newest state of a training."""
    return max((path.stat().st_mtime for path in workspace.folder.glob(".runs/*/*/state.npz")), default=0.0)


def journals(workspace: Workspace) -> list[dict[str, Any]]:
    """Read the journals of all trainings."""
    return [files.read_json(path) for path in workspace.folder.glob(".runs/*/*/journal.json")]


def stage(dvc: psutil.Process) -> psutil.Process | None:
    """Return the process of the training that a `dvc repro` has started."""
    found = [child for child in dvc.children(recursive=True) if "pipeline.stages.train" in child.cmdline()]
    return found[-1] if found else None


def train_an_epoch(workspace: Workspace, **variables: str) -> subprocess.Popen[str]:
    """Start `dvc repro`, and let it finish an epoch more, or end."""
    before, dvc = states(workspace), workspace.start("dvc", "repro", "train@heavy-1", **variables)
    while dvc.poll() is None and states(workspace) == before:
        time.sleep(0.01)
    return dvc


def interrupt(workspace: Workspace, how: signal.Signals, whom: str, delay: float, **variables: str) -> str:
    """Kill a training `delay` seconds after its next epoch and return what it printed; it must not have ended."""
    dvc = train_an_epoch(workspace, **variables)
    time.sleep(delay)
    training = stage(psutil.Process(dvc.pid)) if dvc.poll() is None else None
    if training is not None and whom == "stage":
        training.send_signal(how)
    elif training is not None:
        (os.killpg if whom == "both" else os.kill)(dvc.pid, how)
    stdout, stderr = dvc.communicate()  # until the stage has ended too: it holds the pipes
    assert training is not None, f"it ended before it was killed:\n{stdout}{stderr}"
    return stdout + stderr


def kill_between_its_end_and_the_lock(workspace: Workspace) -> None:
    """Let the training come to its end, and kill everything before DVC records it."""
    dvc = workspace.start("dvc", "repro", "train@heavy-1")
    while dvc.poll() is None and not any(one["status"] == "FINISHED" for one in journals(workspace)):
        time.sleep(0.01)
    os.killpg(dvc.pid, signal.SIGKILL)
    dvc.communicate()
    assert "train@heavy-1" not in (workspace.folder / "dvc.lock").read_text()
