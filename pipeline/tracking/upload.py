"""One journal into its run in MLflow, kind by kind: what was sent before changes nothing when it is sent again.

Where MLflow has a call of its own that is not used: `log_image` would make one more picture with each call, `log_model`
needs a run that is open, and ends it.
"""

import importlib.metadata
import shutil
import tempfile
from dataclasses import dataclass
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
from pipeline.tracking.folders import Progress, Record
from pipeline.tracking.journal import EXAMPLE, MODEL

SHOWN = {MLFLOW_SOURCE_NAME: "dvc.stage", MLFLOW_GIT_COMMIT: "git.commit"}  # as columns of the UI
PARENT = "sweep.training"  # the tag of a trial that names its sweep's journal
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


@dataclass(frozen=True)
class Upload:
    """A journal on its way into a run, and what that has got of it: `progress`."""

    client: mlflow.MlflowClient
    folder: Path
    record: Record
    run: Run
    progress: Progress

    def send(self) -> None:
        """Send one kind of thing after the other, and note each in `progress`."""
        if not self.run.data.params:
            params = [Param(name, value) for name, value in self.record.params.items()]
            self.client.log_batch(self._run_id, params=params)
        self._send_tags()
        self._send_metrics()
        self._send_description()
        self._send_files()
        self._send_model()
        self._send_status()

    @property
    def _run_id(self) -> str:
        return str(self.run.info.run_id)

    def _send_tags(self) -> None:
        """Send what a sweep says of a trial after its run was made, and name the run that it is a child of."""
        tags = {name: value for name, value in self.record.tags.items() if name.startswith("sweep.")}
        if parent := self.record.tags.get(PARENT):
            found = self.client.search_runs([self.run.info.experiment_id], f"tags.training = '{parent}'", max_results=1)
            tags |= {MLFLOW_PARENT_RUN_ID: found[0].info.run_id} if found else {}
        for name, value in tags.items():
            if self.run.data.tags.get(name) != value:
                self.client.set_tag(self._run_id, name, value)

    def _send_metrics(self) -> None:
        """Send the epochs after the last that the run has whole, and final metrics that it shows with another value.

        It shows the one of the latest time: a clock may have been set back, or another one is ahead.
        """
        new = sorted((metric for metric in self.record.metrics if metric.step), key=lambda metric: metric.step)
        sent = max((step for step, _ in self._points(new[-1].name)), default=0) if new else 0
        new = [metric for metric in new if metric.step > sent]
        for metric in {metric.name: metric for metric in self.record.metrics if not metric.step}.values():
            shown = self.run.data.metrics.get(metric.name)
            if shown is None:
                new.append(metric)
            elif shown != metric.value:
                latest = max(time for _, time in self._points(metric.name))
                new.append(metric._replace(time=max(metric.time, latest + 1)))
        for start in range(0, len(new), 1000):  # as many as MLflow takes at once
            some = [Metric(*metric) for metric in new[start : start + 1000]]
            self.client.log_batch(self._run_id, some, synchronous=True)

    def _points(self, metric: str) -> list[tuple[int, int]]:
        """Return the step and the time, in ms, of each value that the run has of a metric."""
        return [(point.step, point.timestamp) for point in self.client.get_metric_history(self._run_id, metric)]

    def _send_description(self) -> None:
        text = description.of_run(self.record, self.record.latest)
        if self.progress.description != text:  # what a person makes of it in the UI stays, until metrics change
            self.client.set_tag(self._run_id, MLFLOW_RUN_NOTE, text)
            self.progress.description = text

    def _send_files(self) -> None:
        if not self.run.inputs.dataset_inputs:
            data = DatasetInput(Dataset(**self.record.dataset), [InputTag(MLFLOW_DATASET_CONTEXT, "training")])
            self.client.log_inputs(self._run_id, [data])
        for name, digest in self.record.files.items():
            path, parent = self._attached(name), str(Path(name).parent)
            if self.progress.files.get(name) != digest and name not in (MODEL, EXAMPLE) and path.exists():
                # in no folder what a person compares: Compare looks into none
                self.client.log_artifact(self._run_id, str(path), None if parent == "." else parent)
                if path.name in IMAGES:
                    self._log_image(path)
                self.progress.files[name] = digest

    def _send_model(self) -> None:
        model = MODEL in self.record.files and self._attached(MODEL)
        if model and model.exists() and not whole_model(self.client, self.run):
            self._log_model(model, files.read_arrays(self._attached(EXAMPLE))["images"])

    def _send_status(self) -> None:
        if self.record.status == "RUNNING" != self.run.info.status:
            self.client.update_run(self._run_id, "RUNNING")
        elif self.record.status != self.run.info.status:
            self.client.set_terminated(self._run_id, self.record.status, self.record.ended)

    def _attached(self, name: str) -> Path:
        """Return where an attached file lies, unless it was removed: the stores of then have it, `sync` anew."""
        return folders.attached(self.folder, name, self.record.files[name])

    def _log_image(self, path: Path) -> None:
        """Log a picture for the image grid, under the one name that it has in this run."""
        name = f"{path.stem}+step+0+timestamp+{self.run.info.start_time}+{self._run_id}"
        with tempfile.TemporaryDirectory() as folder, PIL.Image.open(path) as picture:
            shutil.copy(path, Path(folder, f"{name}.png"))
            compress_image_size(picture.convert("RGB"), GRID_PIXELS).save(Path(folder, f"{name}+compressed.webp"))
            self.client.log_artifacts(self._run_id, folder, "images")
        self.client.set_tag(self._run_id, MLFLOW_LOGGED_IMAGES, "true")

    def _log_model(self, path: Path, example: np.ndarray) -> None:
        """Log a model with signature and example."""
        from pipeline.network import saving  # here, since most commands do without TensorFlow

        # isort: split
        import mlflow.tensorflow  # after the network's import, which keeps TensorFlow quiet

        model, info, name = saving.load(path), self.run.info, self.record.tags["model"]
        made = self.client.create_logged_model(info.experiment_id, name, info.run_id, model_type="keras")
        self.client.log_outputs(info.run_id, [LoggedModelOutput(made.model_id, 0)])
        with tempfile.TemporaryDirectory() as folder:
            mlflow.tensorflow.save_model(
                model,
                f"{folder}/model",
                mlflow_model=Model(run_id=info.run_id, model_id=made.model_id),
                signature=infer_signature(example, np.empty((2, model.output_shape[-1]), np.float32)),
                input_example=example,
                pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in ("tensorflow", "keras")],
            )
            self.client.log_model_artifacts(made.model_id, f"{folder}/model")
        self.client.finalize_logged_model(made.model_id, "READY")
