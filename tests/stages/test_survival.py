"""What no kill may cost: real trainings on digits, killed at random moments, and run again."""

import random
import signal
from pathlib import Path

import pytest

from benchmarks import kills
from benchmarks.workspace import Workspace

pytestmark = pytest.mark.slow
KILLS, EPOCHS = 10, 80


def metric(workspace: Workspace, run_id: str, name: str) -> list[int]:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{workspace.folder}/mlflow.db")
    return [point.step for point in client.get_metric_history(run_id, name)]


def test_training_killed_ten_times_leaves_the_bytes_and_the_run_of_one_that_never_was(tmp_path: Path) -> None:
    whole, killed = Workspace(tmp_path / "whole"), Workspace(tmp_path / "killed")
    for workspace in (whole, killed):
        workspace.write(kills.params(EPOCHS))
    whole.repro()
    killed.repro("prepare")
    chance = random.Random(0)
    for index in range(KILLS):
        whom = ("both", "stage", "dvc")[index % 3]
        kills.interrupt(killed, signal.SIGKILL, whom, delay=chance.uniform(0, 0.3))
    kills.interrupt(killed, signal.SIGTERM, "stage", delay=0.0)
    (run,) = killed.runs()
    assert run.info.status == "KILLED"
    kills.kill_between_its_end_and_the_lock(killed)

    killed.repro()
    assert killed.digests() == whole.digests()
    (run,) = killed.runs()
    assert run.info.status == "FINISHED"
    assert run.outputs.model_outputs
    for name in ("epoch/validation_loss", "epoch/seconds"):
        assert metric(killed, run.info.run_id, name) == list(range(1, EPOCHS + 1))
    assert not list(killed.folder.glob(".runs/*/*/state.npz"))
    assert not [path for top in ("models", "reports", "data") for path in killed.tree(top) if path.suffix == ".tmp"]
