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
FIRST, COST, CHARTS = "pipeline-filters-and-accuracy", "pipeline-cost", "pipeline-charts"
CURVE, ACCURACY = "epoch/validation_accuracy", "test/accuracy"
METRICS = [ACCURACY, "validation/accuracy", "train/accuracy", "test/loss", "parameters"]
COSTS = ["epoch/seconds", "epoch/images_per_second", "system/peak_memory_megabytes", "parameters", "model_bytes"]
SETTING = ["seed", "train.epochs", "train.optimizer.name"]
SECTIONS: list[dict[str, Any]] = [
    {"uuid": "pipeline", "name": "Filters and accuracy"},
    {"uuid": "images", "name": "Confusion matrices", "columns": 1, "cardHeight": 600},
]
CARD = {"metricSectionId": "pipeline", "deleted": False, "isGenerated": False, "runsCountToCompare": 100}


def address(server: str, experiment: str) -> str:
    """Return where a browser finds the first view of an experiment, by its id, without what is for language models."""
    return f"{server}/#/experiments/{experiment}/runs?viewStateShareKey={FIRST}&workflowType=machine_learning"


def known_address(dataset: str) -> str:
    """Return the address of a dataset's first view if a run of it was sent, or what prints it; asks no server."""
    for folder, record in reversed(folders.readable().items()):
        experiment = folders.read_sent(folder, location.store()).experiment
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
    ours = [name for name in params if name.startswith(("block", "dense")) and name.endswith((".filters", ".units"))]
    shown = [column[8:-1] for column in _state(experiment, FIRST).get("selectedColumns", [])]
    filters = sorted({*ours, *(name for name in shown if name.startswith(("block", "dense")))})
    charts = _state(experiment, CHARTS).get("compareRunCharts", [])
    shared = [name for chart in charts for name in chart.get("selectedParams", []) if name in ours] if charts else ours
    metrics, costs = _columns("metrics", METRICS), _columns("metrics", [ACCURACY, *COSTS])
    views = {
        FIRST: ("Filters and accuracy", [*metrics, *_columns("params", [*filters, *SETTING])], {}),
        COST: ("Cost", [*costs, *_columns("tags", ["machine.processor"])], {}),
        CHARTS: ("Charts", metrics[:1], _charts(shared)),
    }
    order, made = {"orderByKey": metrics[0], "orderByAsc": False}, experiment.creation_time
    return {
        key: {"name": name, "createdAt": made, "state": order | {"selectedColumns": columns} | more}
        for key, (name, columns, more) in views.items()
    }


def encode(view: dict[str, Any]) -> str:
    """Write a view as its tag has it."""
    return json.dumps(view | {"state": json.dumps(view["state"])})


def decode(value: str) -> dict[str, Any]:
    """Read a view from its tag, also as MLflow's page writes it when a person saves it."""
    view: dict[str, Any] = json.loads(value)
    plain, _, compressed = view["state"].partition("deflate;")
    return view | {"state": json.loads(plain or zlib.decompress(base64.b64decode(compressed)))}


def _charts(filters: list[str]) -> dict[str, Any]:
    """Lay out four charts: accuracy over epochs, accuracy against parameters, filters, confusion matrices."""
    x, y = ({"key": metric, "type": "METRIC"} for metric in ("parameters", ACCURACY))
    charts: list[dict[str, Any]] = [
        {"type": "LINE", "metricKey": CURVE, "selectedMetricKeys": [CURVE], "xAxisKey": "step", "lineSmoothness": 0},
        {"type": "SCATTER", "xaxis": x, "yaxis": y},
        {
            "type": "PARALLEL",
            "selectedParams": filters,
            "selectedMetrics": ["parameters", ACCURACY],
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
    return {
        "compareRunCharts": [CARD | {"uuid": f"pipeline-{number}"} | chart for number, chart in enumerate(charts)],
        "compareRunSections": [section | {"display": True, "isReordered": True} for section in SECTIONS],
        "isAccordionReordered": True,
        "hideEmptyCharts": False,
    }


def _state(experiment: Any, key: str) -> dict[str, Any]:
    """Return what an experiment's view shows, nothing where it has none yet."""
    value = experiment.tags.get(TAG + key)
    return decode(value)["state"] if value else {}


def _columns(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind}.`{name}`" for name in names]
