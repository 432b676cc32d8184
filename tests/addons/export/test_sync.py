"""A lost store gets an exported training's run again, its exports with it."""

import os
import shutil
import subprocess
import sys

import pytest

from pipeline.base import files
from pipeline.commands import sync
from pipeline.data import arrays
from pipeline.tracking import fingerprints, server
from tests.conftest import ROOT
from tests.finished import LABELS, Finished, network
from tests.journals import artifacts, picture


def lock_all(finished: Finished) -> None:
    """Let dvc.lock say that the stages read and made all that a real training, evaluation and export do."""
    made = {
        "train": ("data/prepared/train", "reports/vgg-42/history.csv", "models/vgg-42.keras"),
        "evaluate": ("data/evaluations/vgg-42.npz", "reports/vgg-42/network.png"),
        "export": ("models/exported/vgg-42", "reports/vgg-42/exports.json"),
    }
    stages = {"export@vgg-42": {"cmd": "export"}} | files.read_yaml(finished.folder / "dvc.lock")["stages"]
    for stage, paths in made.items():
        outs = [{"path": path, "md5": fingerprints.md5(finished.folder / path)} for path in paths]
        stages[f"{stage}@vgg-42"] |= {"outs": outs}
    files.write_json(finished.folder / "dvc.lock", {"stages": stages})


@pytest.fixture
def exported(finished: Finished) -> Finished:
    """Make the working folder one in which a model was trained, evaluated and exported, without a run."""
    finished.train("vgg", network(40), log=False)
    arrays.write(finished.folder / "data/prepared/train", finished.images, LABELS)
    reports = finished.folder / "reports/vgg-42"
    files.write_text(reports / "history.csv", "epoch,train_loss\n1,0.5\n")
    picture(reports, "network.png", "red")
    files.write_text(finished.folder / "models/exported/vgg-42/litert/model.tflite", "a network")
    files.write_json(reports / "exports.json", {"litert": {"accuracy": 0.75}})
    lock_all(finished)
    return finished


@pytest.mark.parametrize("lost", ["store", "store and journals", "new server"])
def test_sync_makes_an_exported_trainings_run_again_whole(
    lost: str, exported: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline", "sync"]  # a process of its own: it lets go of the store
    assert subprocess.check_output(command, env=env, text=True).endswith("runs.db: 1 run\n")
    if lost == "new server":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{exported.folder}/new.db")
    else:
        (exported.folder / "runs.db").unlink()
        shutil.rmtree(exported.folder / "mlartifacts")
    if lost == "store and journals":
        shutil.rmtree(exported.folder / ".runs")
    assert sync.sync().endswith(".db: 1 run")
    client = server.connect()
    (run,) = client.search_runs([server.experiment_id(client, "digits")])
    run_id = run.info.run_id
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/accuracy"] == pytest.approx(0.8)
    assert run.data.metrics["exports/litert/accuracy"] == 0.75
    assert len(run.outputs.model_outputs) == 1
    assert artifacts(client, run_id) == ["exports", "exports.json", "history.csv", "network.png"]
    assert artifacts(client, run_id, "exports/litert") == ["exports/litert/model.tflite"]
    assert sync.sync().startswith("nothing was missing")
