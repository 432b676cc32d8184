"""Saved views of MLflow's table of runs, so that it opens on filters and accuracy, not on an empty table.

MLflow 3.15 and later keeps a view as a tag of the experiment, `mlflow.sharedViewState.KEY`; versions before take no
notice of it.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from mlflow.exceptions import MlflowException

from pipeline.tracking import location, paths, server

TAG = "mlflow.sharedViewState."
FIRST, CHARTS = "pipeline-filters-and-accuracy", "pipeline-charts"
CURVE, ACCURACY = "epoch/validation_accuracy", "test/accuracy"
METRICS = [ACCURACY, "validation/accuracy", "train/accuracy", "test/loss", "parameters"]
SIZE_AND_ACCURACY = ["parameters", ACCURACY]
SETTING = ["seed", "train.epochs", "train.optimizer.name"]
SECTION = {"uuid": "pipeline", "name": "Filters and accuracy", "display": True, "isReordered": True}
CARD = {"metricSectionId": "pipeline", "deleted": False, "isGenerated": False, "runsCountToCompare": 100}


def addresses(page: str) -> str:
    """List where a browser that finds MLflow at `page` sees each experiment's runs, and bring its views up to date."""
    client, lines = server.connect(), []
    for experiment in client.search_experiments():
        runs = client.search_runs([experiment.experiment_id])
        if params := [run.data.params for run in runs if "fingerprint" in run.data.tags]:
            keep(client, experiment, params)
            lines.append(f"{experiment.name}: {address(page, experiment.experiment_id)}")
    remedy = server.SYNC if paths.anything_trained() else "`dvc repro` makes them"
    return "\n".join(lines) or f"no runs at {location.address()}: {remedy}"


def address(page: str, experiment: str) -> str:
    """Return where a browser finds the first view of an experiment, by its id, without what is for language models."""
    return f"{page}/#/experiments/{experiment}/runs?viewStateShareKey={FIRST}&workflowType=machine_learning"


def keep(client: Any, experiment: Any, params: Iterable[Iterable[str]]) -> None:
    """Make an experiment's views, of runs with params of these names; other views are left alone.

    Where MLflow refuses, there are no views: nothing depends on them.
    """
    with suppress(MlflowException):
        for key, view in wanted(experiment.creation_time, params).items():
            value = json.dumps(view | {"state": json.dumps(view["state"])})
            if value != experiment.tags.get(TAG + key):
                client.set_experiment_tag(experiment.experiment_id, TAG + key, value)


def wanted(made: int, params: Iterable[Iterable[str]]) -> dict[str, dict[str, Any]]:
    """Return the views by key: filters of all runs are columns, those that every run has are in a chart."""
    filters = [{name for name in names if name.endswith((".filters", ".units"))} for names in params]
    columns = _columns("params", [*sorted(set.union(*filters)), *SETTING])
    metrics = _columns("metrics", METRICS)
    views = {
        FIRST: ("Filters and accuracy", [*metrics, *columns], {}),
        CHARTS: ("Charts", metrics[:1], _charts(sorted(set.intersection(*filters)))),
    }
    order = {"orderByKey": metrics[0], "orderByAsc": False}
    return {
        key: {"name": name, "createdAt": made, "state": order | {"selectedColumns": columns} | more}
        for key, (name, columns, more) in views.items()
    }


def _charts(filters: list[str]) -> dict[str, Any]:
    """Lay out three charts: accuracy over epochs, accuracy against parameters, filters."""
    x, y = ({"key": metric, "type": "METRIC"} for metric in SIZE_AND_ACCURACY)
    charts: list[dict[str, Any]] = [
        {"type": "LINE", "metricKey": CURVE, "selectedMetricKeys": [CURVE], "xAxisKey": "step", "lineSmoothness": 0},
        {"type": "SCATTER", "xaxis": x, "yaxis": y},
        {"type": "PARALLEL", "selectedParams": filters, "selectedMetrics": SIZE_AND_ACCURACY, "showAllRuns": True},
    ]
    return {
        "compareRunCharts": [CARD | {"uuid": f"pipeline-{number}"} | chart for number, chart in enumerate(charts)],
        "compareRunSections": [SECTION],
        "isAccordionReordered": True,
        "hideEmptyCharts": False,
    }


def _columns(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind}.`{name}`" for name in names]
