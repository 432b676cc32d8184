import json
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from pipeline.addons.ui import views

VGG = ["block1.filters", "block2.filters", "dense1.units", "dense1.dropout", "train.epochs"]
BASELINE = ["block1.filters", "block2.filters", "block3.filters", "dense1.units"]


def made(client: Any, tags: dict[str, str] | None = None) -> Any:
    return client.get_experiment(client.create_experiment("digits", tags=tags))


def test_table_has_the_filters_of_every_run() -> None:
    shown = [
        column for column in views.columns([VGG, BASELINE, VGG]) if column.startswith(("params.`block", "params.`d"))
    ]
    assert shown == [f"params.`{name}`" for name in sorted({*VGG, *BASELINE} - {"dense1.dropout", "train.epochs"})]


def test_other_tags_stay(client: Any) -> None:
    experiment = made(client, {"mlflow.sharedViewState.mine": "x", "note": "y"})
    views.keep(client, experiment, [VGG])
    kept = client.get_experiment(experiment.experiment_id)
    assert (kept.tags["mlflow.sharedViewState.mine"], kept.tags["note"]) == ("x", "y")
    assert json.loads(json.loads(kept.tags[views.TAG])["state"])["selectedColumns"] == views.columns([VGG])


def test_a_store_that_refuses_is_left_without_a_view(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise MlflowException("too long")

    experiment = made(client)
    monkeypatch.setattr(client, "set_experiment_tag", refuse)
    views.keep(client, experiment, [VGG])
    assert not client.get_experiment(experiment.experiment_id).tags


def test_experiments_with_trainings_have_a_view_and_an_address(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where nothing was trained
    assert views.addresses("http://127.0.0.1:5000").startswith("no runs at ")
    experiment = made(client).experiment_id
    client.create_run(experiment)  # a person's own
    assert views.addresses("http://127.0.0.1:5000").startswith("no runs at ")
    client.create_run(experiment, tags={"fingerprint": "f"})
    address = f"/#/experiments/{experiment}/runs?viewStateShareKey={views.KEY}&workflowType=machine_learning"
    assert views.addresses("http://127.0.0.1:5000") == f"digits: http://127.0.0.1:5000{address}"
    assert views.TAG in client.get_experiment(experiment).tags
