"""Clones of this checkout, each with params of its own, in which `dvc repro` runs as it does for anybody."""

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from pipeline.base import files

MEASURED = ("benchmarks/*.py", "pipeline", "recipes", "dvc.yaml", "requirements.lock")


def kept(name: str) -> Path:
    """Return where what takes hours is kept: in `.benchmarks/`, until a commit changes what is measured."""
    command = ["git", "log", "-1", "--format=%h", "--", *MEASURED]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return Path(".benchmarks", f"{name}-{commit}")


def make(folder: Path, params: dict[str, Any]) -> None:
    """Clone the last commit into `folder`, with these params, their mirrors as seen from here; whole or not at all."""
    fetch = params["fetch"]
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", ".", unfinished], check=True)
    mirrors = [mirror if "://" in mirror else str(Path(mirror).expanduser().resolve()) for mirror in fetch["mirrors"]]
    files.write_json(unfinished / "params.yaml", params | {"fetch": fetch | {"mirrors": mirrors}})  # which is YAML too
    unfinished.rename(folder)


def training_seconds(folder: Path) -> float:
    """Add up the seconds of all epochs that the clone's MLflow store has."""
    return sum(seconds_by_training(folder).values())


def seconds_by_training(folder: Path) -> dict[str, float]:
    """Add up the seconds of the epochs of each training, by names as `vgg-42`, that the clone's MLflow store has."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found: defaultdict[str, float] = defaultdict(float)
    for run in client.search_runs(experiments):
        epochs = client.get_metric_history(run.info.run_id, "epoch/seconds")
        found[run.data.tags["dvc.stage"].partition("@")[2]] += sum(epoch.value for epoch in epochs)
    return dict(found)
