"""A saved view of MLflow's table of runs, so that it opens on filters and accuracy, not on an empty table.

MLflow 3.15 and later keeps a view as a tag of the experiment, `mlflow.sharedViewState.KEY`; versions before take no
notice of it.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from mlflow.exceptions import MlflowException

from pipeline.tracking import location, server

KEY = "pipeline-filters-and-accuracy"
TAG = f"mlflow.sharedViewState.{KEY}"
METRICS = ("test/accuracy", "validation/accuracy", "train/accuracy", "test/loss", "parameters")
SETTING = ("seed", "train.epochs", "train.optimizer.name")


def addresses(page: str) -> str:
    """List where a browser that finds MLflow at `page` sees each experiment's runs, and bring its view up to date."""
    client, lines = server.connect(), []
    for experiment in client.search_experiments():
        runs = client.search_runs([experiment.experiment_id])
        if params := [run.data.params for run in runs if "fingerprint" in run.data.tags]:
            keep(client, experiment, params)
            lines.append(f"{experiment.name}: {address(page, experiment.experiment_id)}")
    return "\n".join(lines) or f"no runs at {location.address()}: `dvc repro` makes them, and {server.SYNC}"


def address(page: str, experiment: str) -> str:
    """Return where a browser finds the view of an experiment, by its id, without what is for language models."""
    return f"{page}/#/experiments/{experiment}/runs?viewStateShareKey={KEY}&workflowType=machine_learning"


def keep(client: Any, experiment: Any, params: Iterable[Iterable[str]]) -> None:
    """Make an experiment's view, of runs with params of these names; other views are left alone.

    Where MLflow refuses, there is none: nothing depends on it.
    """
    state = {"orderByKey": f"metrics.`{METRICS[0]}`", "orderByAsc": False, "selectedColumns": columns(params)}
    view = {"name": "Filters and accuracy", "createdAt": experiment.creation_time, "state": json.dumps(state)}
    with suppress(MlflowException):
        client.set_experiment_tag(experiment.experiment_id, TAG, json.dumps(view))


def columns(params: Iterable[Iterable[str]]) -> list[str]:
    """List the columns: metrics, the filters and units that any of the runs has among its params, and the setting."""
    filters = {name for names in params for name in names if name.endswith((".filters", ".units"))}
    return [f"metrics.`{name}`" for name in METRICS] + [f"params.`{name}`" for name in (*sorted(filters), *SETTING)]
