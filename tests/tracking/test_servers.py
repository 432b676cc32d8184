"""Trainings whose runs go to a server: one that dies in the middle, and a team's on PostgreSQL."""

import time
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from benchmarks import kills
from benchmarks.servers import Server, mlflow_server
from benchmarks.workspace import Workspace
from pipeline.base import files
from tests.conftest import ROOT
from tests.postgresql import postgresql

pytestmark = pytest.mark.slow


def runs(server: Server) -> list[Any]:
    import mlflow

    client = mlflow.MlflowClient(server.address)
    experiment = client.get_experiment_by_name("digits")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def steps(server: Server, run_id: str) -> list[int]:
    import mlflow

    history = mlflow.MlflowClient(server.address).get_metric_history(run_id, "epoch/train_loss")
    return [point.step for point in history]


def test_server_that_dies_in_the_middle_has_everything_after_sync(tmp_path: Path) -> None:
    epochs = 40
    workspace = Workspace(tmp_path / "workspace")
    workspace.write(kills.params(epochs))
    workspace.repro("prepare")
    with mlflow_server(tmp_path, f"sqlite:///{tmp_path}/runs.db") as server:
        training = workspace.start("dvc", "repro", "train@heavy-1", MLFLOW_TRACKING_URI=server.address)
        while training.poll() is None and not (runs(server) and steps(server, runs(server)[0].info.run_id)):
            time.sleep(0.05)
        (before,) = runs(server)
        assert before.info.status == "RUNNING"
        server.kill()
        stdout, stderr = training.communicate()
        assert training.returncode == 0, stdout + stderr
        assert stderr.count("warning: ") == stderr.count(f"warning: MLflow at {server.address}") == 1

        server.start()
        assert len(steps(server, before.info.run_id)) < epochs
        assert workspace.run("pipeline", "sync", MLFLOW_TRACKING_URI=server.address).returncode == 0
        (run,) = runs(server)
        assert (run.info.run_id, run.info.status) == (before.info.run_id, "FINISHED")
        assert steps(server, run.info.run_id) == list(range(1, epochs + 1))
        assert run.outputs.model_outputs


def test_teams_server_on_postgresql_takes_one_variable(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    workspace.write(kills.params(3))
    Image.new("L", (40, 30), 200).save(tmp_path / "picture.png")
    with postgresql() as store, mlflow_server(tmp_path, store) as server:
        variables = {"MLFLOW_TRACKING_URI": server.address}
        workspace.repro(**variables)
        (run,) = runs(server)
        assert run.info.status == "FINISHED"
        assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
        assert {"epoch/train_loss", "test/accuracy"} <= set(run.data.metrics)
        promoted = workspace.run("pipeline", "registry", "promote", **variables)
        assert promoted.returncode == 0, promoted.stderr
        predicted = workspace.run("pipeline", "predict", str(tmp_path / "picture.png"), "--json", **variables)
        assert predicted.returncode == 0, predicted.stderr
        assert workspace.run("pipeline", "sync", **variables).stdout.startswith("nothing was missing")
    assert list((tmp_path / "artifacts").rglob("model.keras"))
    assert not {"mlflow.db", "mlartifacts", "mlruns"} & {path.name for path in workspace.folder.iterdir()}


def test_server_with_users_on_postgresql_lets_a_team_in_and_no_stranger(tmp_path: Path) -> None:
    """As in compose.yaml, with its two files of settings."""
    pytest.importorskip("flask_wtf", reason="`make team` installs it")
    import psycopg

    settings = files.read_yaml(ROOT / "deploy/compose.yaml")["configs"]
    workspace, ini = Workspace(tmp_path / "workspace"), tmp_path / "basic_auth.ini"
    workspace.write(kills.params(3))
    Image.new("L", (40, 30), 200).save(tmp_path / "picture.png")
    known = {"MLFLOW_AUTH_ADMIN_USERNAME": "ann", "MLFLOW_AUTH_ADMIN_PASSWORD": "twelve letters"}
    known |= {"MLFLOW_FLASK_SERVER_SECRET_KEY": "any", "MLFLOW_AUTH_CONFIG_PATH": str(ini)}
    with postgresql() as store:
        with psycopg.connect(store, autocommit=True) as database:
            database.execute(settings["databases.sql"]["content"])
        users = store.replace("/postgres", "/mlflow_users")
        ini.write_text(
            settings["basic_auth.ini"]["content"].replace("postgresql://mlflow@postgres/mlflow_users", users)
        )
        with mlflow_server(tmp_path, store, "--app-name", "basic-auth", **known) as server:
            address = {"MLFLOW_TRACKING_URI": server.address, "MLFLOW_TRACKING_USERNAME": "ann"}
            variables = address | {"MLFLOW_TRACKING_PASSWORD": "twelve letters"}
            workspace.repro(**variables)
            workspace.run("pipeline", "sync", **variables)  # what a slow machine did not wait for
            promoted = workspace.run("pipeline", "registry", "promote", **variables)
            assert promoted.returncode == 0, promoted.stderr
            predict = ("pipeline", "predict", str(tmp_path / "picture.png"), "--json")
            assert workspace.run(*predict, **variables).returncode == 0
            wrong = address | {"MLFLOW_TRACKING_PASSWORD": "another"}
            stranger = workspace.run("pipeline", "registry", "show", **wrong)

            made = {"username": "bob", "password": "as many letters"}
            create = f"{server.address}/api/2.0/mlflow/users/create"
            requests.post(create, json=made, auth=("ann", "twelve letters"), timeout=60).raise_for_status()
            colleague = address | {f"MLFLOW_TRACKING_{key.upper()}": value for key, value in made.items()}
            workspace.write(kills.params(4))
            workspace.repro(**colleague)
            workspace.run("pipeline", "sync", **colleague)
            promoted = workspace.run("pipeline", "registry", "promote", "--force", **colleague)
            assert promoted.stdout.startswith("champion: digits version 2: "), promoted.stderr
    assert stranger.returncode == 2
    assert stranger.stderr.splitlines()[-1] == (
        f"error: MLflow at {server.address}: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to a name and a "
        "password that it knows"
    )
