"""One journal into its run in MLflow, kind by kind: what was sent before changes nothing when it is sent again."""

import importlib.metadata
from pathlib import Path

import mlflow
import numpy as np
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.models import Model, infer_signature
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_SOURCE_NAME

from pipeline.tracking import server
from pipeline.tracking.journals import MODEL, Journal

SHOWN = {MLFLOW_SOURCE_NAME: "dvc.stage", MLFLOW_GIT_COMMIT: "git.commit"}  # as columns of the UI
PARENT = "sweep.run"  # the tag of a trial that names its sweep's journal


def find_or_make(client: mlflow.MlflowClient, journal: Journal) -> Run:
    """Return the journal's run, found by its training's id, else the finished one of its fingerprint, or make it."""
    experiment = server.experiment_id(client, journal.experiment)
    found = client.search_runs([experiment], f"tags.training = '{journal.training}'", max_results=1)
    if not found and "rebuilt" in journal.tags:
        same = f"tags.fingerprint = '{journal.fingerprint}' and attributes.status = 'FINISHED'"
        found = client.search_runs([experiment], same, max_results=1)
    if found:
        return found[0]
    tags = journal.tags | {"training": journal.training}
    tags |= {tag: journal.tags[key] for tag, key in SHOWN.items() if key in journal.tags}
    return client.create_run(experiment, journal.started, tags, journal.name)


def whole_model(client: mlflow.MlflowClient, run: Run) -> str | None:
    """Return the id of a run's READY model, or None; one whose sending was cut off may stand beside it."""
    for output in run.outputs.model_outputs if run.outputs else []:
        if client.get_logged_model(output.model_id).status == "READY":
            return str(output.model_id)
    return None


def send(client: mlflow.MlflowClient, journal: Journal, run: Run) -> None:
    """Send a journal into its run, one kind of thing after the other."""
    if not run.data.params:
        client.log_batch(run.info.run_id, params=[Param(name, value) for name, value in journal.params.items()])
    _send_tags(client, journal, run)
    _send_metrics(client, journal, run)
    attached = {name: path for name in journal.files if (path := journal.attached(name)).exists()}  # until it is sent
    for name, path in attached.items():
        if name != MODEL:
            client.log_artifact(run.info.run_id, str(path), str(Path(name).parent).removeprefix("."))
    if MODEL in attached and not whole_model(client, run):
        _send_model(client, run, attached[MODEL])
    if journal.status != run.info.status:
        if journal.status == "RUNNING":
            client.update_run(run.info.run_id, "RUNNING")
        else:
            client.set_terminated(run.info.run_id, journal.status, journal.ended)


def _send_tags(client: mlflow.MlflowClient, journal: Journal, run: Run) -> None:
    """Send what a sweep says of a trial after its run was made, and name the run that it is a child of."""
    tags = {name: value for name, value in journal.tags.items() if name.startswith("sweep.")}
    if parent := journal.tags.get(PARENT):
        for found in client.search_runs([run.info.experiment_id], f"tags.training = '{parent}'", max_results=1):
            tags[MLFLOW_PARENT_RUN_ID] = found.info.run_id
    client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def _send_metrics(client: mlflow.MlflowClient, journal: Journal, run: Run) -> None:
    """Send the epochs after the last that the run has whole, and final metrics that it shows with another value.

    It shows the value of the last step, so that each correction is a step more: clocks may differ.
    """

    def steps(name: str) -> list[int]:
        return [point.step for point in client.get_metric_history(run.info.run_id, name)]

    epochs = [metric for metric in journal.metrics if metric.step]
    sent = max(steps(epochs[-1].name), default=0) if epochs else 0
    new = [metric for metric in epochs if metric.step > sent]
    shown, final = run.data.metrics, {metric.name: metric for metric in journal.metrics if not metric.step}
    for name, metric in final.items():
        if shown.get(name) != metric.value:
            new.append(metric._replace(step=max(steps(name)) + 1 if name in shown else 0))
    client.log_batch(run.info.run_id, [Metric(*metric) for metric in new], synchronous=True)


def _send_model(client: mlflow.MlflowClient, run: Run, path: Path) -> None:
    """Send a model with its signature."""
    from pipeline.network import saving  # here, since most commands do without TensorFlow

    # isort: split
    import mlflow.tensorflow  # after the network's import, which keeps TensorFlow quiet

    model, info = saving.load(path), run.info
    images = np.zeros((2, *model.input_shape[1:]), np.uint8)
    made = client.create_logged_model(info.experiment_id, run.data.tags["model"], info.run_id, model_type="keras")
    Model.log(
        None,
        mlflow.tensorflow,
        run_id=info.run_id,
        model_id=made.model_id,
        model=model,
        signature=infer_signature(images, np.empty((2, model.output_shape[-1]), np.float32)),
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in ("tensorflow", "keras")],
    )
