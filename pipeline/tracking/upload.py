"""One journal into its run in MLflow, kind by kind: what was sent before changes nothing when it is sent again.

Where MLflow has a call of its own that is not used: `log_image` would make one more picture with each call, `log_model`
needs a run that is open, and ends it.
"""

import importlib.metadata
import shutil
import tempfile
from pathlib import Path

import mlflow
import numpy as np
import PIL.Image
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, Run
from mlflow.models import Model, infer_signature
from mlflow.tracking.multimedia import compress_image_size
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_GIT_COMMIT,
    MLFLOW_LOGGED_IMAGES,
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_RUN_NOTE,
    MLFLOW_SOURCE_NAME,
)

from pipeline.base import files
from pipeline.tracking import description, folders, server
from pipeline.tracking.folders import Record, Sent
from pipeline.tracking.journal import EXAMPLE, MODEL

SHOWN = {MLFLOW_SOURCE_NAME: "dvc.stage", MLFLOW_GIT_COMMIT: "git.commit"}  # as columns of the UI
PARENT = "sweep.run"  # the tag of a trial that names its sweep's journal
IMAGES = ("confusion_matrix.png", "mistakes.png", "learning_curves.png", "augmented.png")  # of the UI's image grid
GRID_PIXELS = 400  # the longer side of an image in the grid: three fit beside each other; a click shows it whole


def find_or_make(client: mlflow.MlflowClient, record: Record) -> Run:
    """Return the journal's run, found by its training's id, else the finished one of its fingerprint, or make it."""
    experiment = server.experiment_id(client, record.experiment)
    found = client.search_runs([experiment], f"tags.training = '{record.training}'", max_results=1)
    if not found and "rebuilt" in record.tags:
        same = f"tags.fingerprint = '{record.fingerprint}' and attributes.status = 'FINISHED'"
        found = client.search_runs([experiment], same, max_results=1)
    if found:
        return found[0]
    shown = {tag: record.tags[key] for tag, key in SHOWN.items() if key in record.tags}
    return client.create_run(
        experiment, record.started, record.tags | {"training": record.training} | shown, record.name
    )


def whole_model(client: mlflow.MlflowClient, run: Run) -> str | None:
    """Return the id of a run's READY model, or None; one whose sending was cut off may stand beside it."""
    outputs = [output.model_id for output in (run.outputs.model_outputs if run.outputs else [])]
    ready = [model_id for model_id in outputs if client.get_logged_model(model_id).status == "READY"]
    return str(ready[0]) if ready else None


def send(client: mlflow.MlflowClient, folder: Path, record: Record, run: Run, sent: Sent) -> None:
    """Send the journal in `folder` into its run, one kind of thing after the other; note in `sent` what is sent."""
    if not run.data.params:
        client.log_batch(run.info.run_id, params=[Param(name, value) for name, value in record.params.items()])
    if not run.inputs.dataset_inputs:
        data = DatasetInput(Dataset(**record.dataset), [InputTag(MLFLOW_DATASET_CONTEXT, "training")])
        client.log_inputs(run.info.run_id, [data])
    _send_tags(client, record, run)
    _send_metrics(client, record, run)
    text = description.of_run(record, record.latest)
    if sent.description != text:  # what a person makes of it in the UI stays, until metrics change
        client.set_tag(run.info.run_id, MLFLOW_RUN_NOTE, text)
        sent.description = text
    # what is attached lies there until all stores have it
    attached = {name: folders.attached(folder, name, digest) for name, digest in record.files.items()}
    attached = {name: path for name, path in attached.items() if path.exists()}
    for name, path in attached.items():
        if sent.files.get(name) != record.files[name] and name not in (MODEL, EXAMPLE):
            _send_file(client, run, name, path)
            sent.files[name] = record.files[name]
    if MODEL in attached and not whole_model(client, run):
        _send_model(client, run, attached[MODEL], files.read_arrays(attached[EXAMPLE])["images"])
    if record.status == "RUNNING" != run.info.status:
        client.update_run(run.info.run_id, "RUNNING")
    elif record.status != run.info.status:
        client.set_terminated(run.info.run_id, record.status, record.ended)


def _send_tags(client: mlflow.MlflowClient, record: Record, run: Run) -> None:
    """Send what a sweep says of a trial after its run was made, and name the run that it is a child of."""
    tags = {name: value for name, value in record.tags.items() if name.startswith("sweep.")}
    if parent := record.tags.get(PARENT):
        found = client.search_runs([run.info.experiment_id], f"tags.training = '{parent}'", max_results=1)
        tags |= {MLFLOW_PARENT_RUN_ID: found[0].info.run_id} if found else {}
    for name, value in tags.items():
        if run.data.tags.get(name) != value:
            client.set_tag(run.info.run_id, name, value)


def _send_metrics(client: mlflow.MlflowClient, record: Record, run: Run) -> None:
    """Send the epochs after the last that the run has whole, and final metrics that it shows with another value.

    It shows the one of the latest time: a clock may have been set back, or another one is ahead.
    """

    def points(metric: str) -> list[Metric]:
        return list(client.get_metric_history(run.info.run_id, metric))

    new = sorted((metric for metric in record.metrics if metric.step), key=lambda metric: metric.step)
    sent = max((point.step for point in points(new[-1].name)), default=0) if new else 0
    new = [metric for metric in new if metric.step > sent]
    for metric in {metric.name: metric for metric in record.metrics if not metric.step}.values():
        shown = run.data.metrics.get(metric.name)
        if shown is None:
            new.append(metric)
        elif shown != metric.value:
            latest = max(point.timestamp for point in points(metric.name))
            new.append(metric._replace(time=max(metric.time, latest + 1)))
    for start in range(0, len(new), 1000):  # as many as MLflow takes at once
        some = [Metric(*metric) for metric in new[start : start + 1000]]
        client.log_batch(run.info.run_id, some, synchronous=True)


def _send_file(client: mlflow.MlflowClient, run: Run, name: str, path: Path) -> None:
    """Send a file, in no folder where a person compares it, for Compare looks into none; some also for the image grid.

    There, a picture has one name in each run.
    """
    parent = str(Path(name).parent)
    client.log_artifact(run.info.run_id, str(path), None if parent == "." else parent)
    if path.name in IMAGES:
        shown = f"{path.stem}+step+0+timestamp+{run.info.start_time}+{run.info.run_id}"
        with tempfile.TemporaryDirectory() as folder, PIL.Image.open(path) as picture:
            shutil.copy(path, Path(folder, f"{shown}.png"))
            compress_image_size(picture.convert("RGB"), GRID_PIXELS).save(Path(folder, f"{shown}+compressed.webp"))
            client.log_artifacts(run.info.run_id, folder, "images")
        client.set_tag(run.info.run_id, MLFLOW_LOGGED_IMAGES, "true")


def _send_model(client: mlflow.MlflowClient, run: Run, path: Path, example: np.ndarray) -> None:
    """Send a model with signature and example."""
    from pipeline.network import saving  # here, since most commands do without TensorFlow

    # isort: split
    import mlflow.tensorflow  # after the network's import, which keeps TensorFlow quiet

    model, info = saving.load(path), run.info
    made = client.create_logged_model(info.experiment_id, run.data.tags["model"], info.run_id, model_type="keras")
    client.log_outputs(info.run_id, [LoggedModelOutput(made.model_id, 0)])
    with tempfile.TemporaryDirectory() as folder:
        mlflow.tensorflow.save_model(
            model,
            f"{folder}/model",
            mlflow_model=Model(run_id=info.run_id, model_id=made.model_id),
            signature=infer_signature(example, np.empty((2, model.output_shape[-1]), np.float32)),
            input_example=example,
            pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in ("tensorflow", "keras")],
        )
        client.log_model_artifacts(made.model_id, f"{folder}/model")
    client.finalize_logged_model(made.model_id, "READY")
