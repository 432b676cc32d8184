"""Saved views of MLflow's table of runs, so that it opens on filters and accuracy, not on an empty table.

MLflow 3.15 and later keeps a view as a tag of the experiment, `mlflow.sharedViewState.KEY`; versions before take no
notice of it.
"""

import base64
import json
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pipeline.tracking import folders, location

if TYPE_CHECKING:
    import mlflow  # for real only where it is used: the stage report does without its seconds

TAG = "mlflow.sharedViewState."
FIRST, CHARTS = "pipeline-filters-and-accuracy", "pipeline-charts"
NETWORK = ("block", "dense")  # begin the names of a network's params
SETTING = ("seed", "train.epochs", "train.optimizer.name")
SCORES = ("test/accuracy", "validation/accuracy", "train/accuracy", "test/loss", "parameters")
COST = ("epoch/seconds", "epoch/images_per_second", "system/peak_memory_megabytes", "parameters", "model_bytes")


def address(server: str, experiment: str) -> str:
    """Return where a browser finds the first view of an experiment, by its id, without what is for language models."""
    return f"{server}/#/experiments/{experiment}/runs?viewStateShareKey={FIRST}&workflowType=machine_learning"


def known_address(dataset: str) -> str:
    """Return the address of a dataset's first view if a run of it was sent, or what prints it; asks no server."""
    for folder, record in reversed(folders.readable().items()):
        experiment = folders.progress(folder, location.store()).experiment
        if experiment and record.experiment == dataset:
            return address(location.page(), experiment)
    return "`make ui` prints the address"


def keep(client: "mlflow.MlflowClient", experiment: str, params: Iterable[str]) -> None:
    """Make an experiment's views, or bring them up to date with the names of one more run's params.

    Other views are left alone. Where MLflow refuses, there are no views: nothing depends on them.
    """
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):
        found = client.get_experiment(experiment)
        for key, view in wanted(found, params).items():
            if (value := encode(view)) != found.tags.get(TAG + key):
                client.set_experiment_tag(experiment, TAG + key, value)


def wanted(experiment: Any, params: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the views by key: filters of all runs are columns, those that every run has are in a chart."""
    ours, columns = _filters(params), _state(experiment, FIRST).get("selectedColumns", [])
    filters = sorted({*ours, *_filters(column.removeprefix("params.`").removesuffix("`") for column in columns)})
    cards = _state(experiment, CHARTS).get("compareRunCharts")
    shared = [name for card in cards for name in card.get("selectedParams", []) if name in ours] if cards else ours
    metrics, machine = [_column("metrics", name) for name in SCORES], _column("tags", "machine.processor")
    network, setting = ([_column("params", name) for name in names] for names in (filters, SETTING))
    cost = [_column("metrics", name) for name in COST]
    by_accuracy = {"orderByKey": metrics[0], "orderByAsc": False}
    states = {
        FIRST: ("Filters and accuracy", by_accuracy | {"selectedColumns": [*metrics, *network, *setting]}),
        "pipeline-cost": ("Cost", by_accuracy | {"selectedColumns": [metrics[0], *cost, machine]}),
        CHARTS: ("Charts", by_accuracy | {"selectedColumns": [metrics[0]]} | charts(shared)),
    }
    made = experiment.creation_time
    return {key: {"name": name, "createdAt": made, "state": state} for key, (name, state) in states.items()}


def charts(filters: list[str]) -> dict[str, Any]:
    """Return four charts: accuracy over epochs, accuracy against parameters, filters, confusion matrices."""
    shown = {"display": True, "isReordered": True}
    sections = [
        {"uuid": "pipeline", "name": "Filters and accuracy"} | shown,
        {"uuid": "images", "name": "Confusion matrices", "columns": 1, "cardHeight": 600} | shown,
    ]
    curve, accuracy = "epoch/validation_accuracy", SCORES[0]
    drawn: list[dict[str, Any]] = [
        {"type": "LINE", "metricKey": curve, "selectedMetricKeys": [curve], "xAxisKey": "step", "lineSmoothness": 0},
        {"type": "SCATTER", "xaxis": _axis("parameters"), "yaxis": _axis(accuracy)},
        {
            "type": "PARALLEL",
            "selectedParams": filters,
            "selectedMetrics": ["parameters", accuracy],
            "showAllRuns": True,
        },
        {
            "type": "IMAGE",
            "metricSectionId": "images",
            "imageKeys": ["confusion_matrix"],
            "step": 0,
            "showRunParams": False,
        },
    ]
    common = {"metricSectionId": "pipeline", "deleted": False, "isGenerated": False, "runsCountToCompare": 100}
    cards = [common | {"uuid": f"pipeline-{number}"} | card for number, card in enumerate(drawn)]
    return {
        "compareRunCharts": cards,
        "compareRunSections": sections,
        "isAccordionReordered": True,
        "hideEmptyCharts": False,
    }


def encode(view: dict[str, Any]) -> str:
    """Write a view as its tag has it."""
    state = zlib.compress(json.dumps(view["state"], separators=(",", ":")).encode())
    return json.dumps(view | {"state": f"deflate;{base64.b64encode(state).decode()}"})


def decode(value: str) -> dict[str, Any]:
    """Read a view from its tag."""
    view: dict[str, Any] = json.loads(value)
    return view | {"state": json.loads(zlib.decompress(base64.b64decode(view["state"].removeprefix("deflate;"))))}


def _filters(params: Iterable[str]) -> list[str]:
    return [name for name in params if name.startswith(NETWORK) and name.endswith((".filters", ".units"))]


def _state(experiment: Any, key: str) -> dict[str, Any]:
    """Return what an experiment's view shows, nothing where it has none yet."""
    value = experiment.tags.get(TAG + key)
    return decode(value)["state"] if value else {}


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def _axis(metric: str) -> dict[str, str]:
    return {"key": metric, "type": "METRIC"}
