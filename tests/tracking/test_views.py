import base64
import json
import zlib
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from pipeline.tracking import views

VGG = ["block1.filters", "block2.filters", "dense1.units", "dense1.dropout", "train.epochs"]
BASELINE = ["block1.filters", "block2.filters", "block3.filters", "dense1.units"]


def state(client: Any, experiment: str, key: str) -> Any:
    return views.decode(client.get_experiment(experiment).tags[views.TAG + key])["state"]


def test_a_view_reads_back_as_it_was() -> None:
    view = {"name": "Ü", "createdAt": 1, "state": {"selectedColumns": ["metrics.`a/b`"], "orderByAsc": False}}
    assert views.decode(views.encode(view)) == view


def test_a_view_that_a_person_has_saved_is_read_too() -> None:
    state = {"selectedColumns": ["params.`block1.filters`"]}
    compressed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    saved = json.dumps({"name": "Charts", "createdAt": 1, "updatedAt": 2, "state": f"deflate;{compressed}"})
    assert views.decode(saved)["state"] == state


def test_table_has_the_filters_of_every_run_and_the_chart_those_that_all_have(client: Any) -> None:
    experiment = client.create_experiment("digits")
    for params in (VGG, BASELINE, VGG):
        views.keep(client, experiment, params)
    columns = state(client, experiment, views.FIRST)["selectedColumns"]
    shown = [column for column in columns if column.startswith(("params.`block", "params.`dense"))]
    assert shown == [f"params.`{name}`" for name in sorted({*VGG, *BASELINE} - {"dense1.dropout", "train.epochs"})]
    *_, parallel, images = state(client, experiment, views.CHARTS)["compareRunCharts"]
    assert parallel["selectedParams"] == ["block1.filters", "block2.filters", "dense1.units"]
    assert images["imageKeys"] == ["confusion_matrix"]


def test_what_is_up_to_date_is_not_written_again_and_other_tags_stay(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = client.create_experiment("digits", tags={f"{views.TAG}mine": "x", "note": "y"})
    views.keep(client, experiment, VGG)
    before = client.get_experiment(experiment).tags
    assert (before[f"{views.TAG}mine"], before["note"]) == ("x", "y")
    monkeypatch.setattr(client, "set_experiment_tag", None)
    views.keep(client, experiment, VGG)
    assert client.get_experiment(experiment).tags == before


def test_a_store_that_refuses_is_left_without_views(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise MlflowException("too long")

    experiment = client.create_experiment("digits")
    monkeypatch.setattr(client, "set_experiment_tag", refuse)
    views.keep(client, experiment, VGG)
    assert not client.get_experiment(experiment).tags
