"""Sends journals to MLflow: what its store has not got yet. Sending again what was sent changes nothing."""

import importlib.metadata
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mlflow
import numpy as np
import PIL.Image
from filelock import FileLock
from mlflow.data.code_dataset_source import CodeDatasetSource
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
from pipeline.base.errors import InputError
from pipeline.base.files import LabelledRows
from pipeline.runs import description, journal, location, server, views
from pipeline.runs.journal import Record

SHOWN = {MLFLOW_SOURCE_NAME: "dvc.stage", MLFLOW_GIT_COMMIT: "git.commit"}  # as columns of the UI
PARENT = "sweep.training"  # the tag of a trial that names its sweep's journal
IMAGES = ("confusion_matrix.png", "mistakes.png", "learning_curves.png", "augmented.png")  # of the UI's image grid
GRID_PIXELS = 400  # the longer side of an image in the grid: three fit beside each other; a click shows it whole
PATIENCE = 10.0  # seconds that a stage waits at its end for a server; what is left, `sync` sends


@dataclass
class Progress:
    """What a store has got of a journal, and `journal`, the MD5 of the journal that it has got whole."""

    run_id: str | None = None
    experiment: str | None = None
    metrics: int = 0
    description: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    model: str | None = None
    status: str | None = None
    journal: str | None = None


def dataset(name: str, path: Path, train: LabelledRows) -> dict[str, str]:
    """Describe the images that a training saw as MLflow does, with the MD5 of their file as digest."""
    images, labels = train
    digest = files.md5(path)
    source = CodeDatasetSource({"path": str(path), "md5": digest})
    shape = np.broadcast_to(images[:1], images.shape)  # MLflow looks at no pixel
    described: dict[str, str] = mlflow.data.from_numpy(shape, source, labels, name=name, digest=digest[:8]).to_dict()
    return described


@contextmanager
def in_background() -> Iterator[Callable[[], None]]:
    """Send all journals in the background, now, whenever the yielded function is called, and at the end of the block.

    What fails is told once, on stderr, and stops nothing. A local store is waited for, a server `PATIENCE` seconds.
    """
    wake, ended, warned = threading.Event(), threading.Event(), threading.Event()
    wake.set()
    sender = threading.Thread(target=_send, args=(wake, ended, warned), daemon=True)
    journal.close_dead()
    sender.start()
    try:
        yield wake.set
    finally:
        ended.set()
        wake.set()
        sender.join(None if location.database() else PATIENCE)
        if sender.is_alive() and not warned.is_set():
            _warn("is slow")


def push_all() -> int:
    """Send every journal that the store has not got whole, the newest first, and return how many those were.

    Raise `InputError` for one whose experiment was deleted, once the others are sent.
    """
    store = location.store()
    known = [folder for folder in reversed(journal.everything()) if store in journal.read(folder).stores]
    pending = [folder for folder in known if not _sent(folder, store)]
    if not pending:
        return 0
    pending.sort(key=lambda folder: PARENT in journal.read(folder).tags)  # a sweep before its trials
    client, refused = server.connect(), list[InputError]()
    for folder in pending:
        try:
            push(client, folder)
        except InputError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    return len(pending)


def holds(client: mlflow.MlflowClient, experiment: str, fingerprint: str) -> bool:
    """Tell whether the store has a finished and evaluated run of a training."""
    wanted = f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED' and metrics.`test/accuracy` >= 0"
    return bool(client.search_runs([server.experiment_id(client, experiment)], wanted, max_results=1))


def whole_model(client: mlflow.MlflowClient, run: Run) -> str | None:
    """Return the id of a run's READY model, or None; one whose sending was cut off may stand beside it."""
    outputs = [output.model_id for output in (run.outputs.model_outputs if run.outputs else [])]
    ready = [model_id for model_id in outputs if client.get_logged_model(model_id).status == "READY"]
    return str(ready[0]) if ready else None


def push(client: mlflow.MlflowClient, folder: Path) -> str:
    """Send what the store has not got yet of the journal in `folder`, and return its run's id."""
    with FileLock(folder / "push.lock"):
        digest = files.md5(folder / "journal.json")
        record = journal.read(folder)
        run, progress = _run(client, record, _progress(folder, location.store()))
        progress.experiment = run.info.experiment_id
        push = _Push(client, folder, record, run, progress)
        for send in (
            *(push.send_params, push.send_tags, push.send_metrics, push.send_description),
            *(push.send_files, push.send_model, push.send_status),
        ):
            send()
            _save_progress(folder, progress)
        if record.status != "RUNNING":
            views.keep(client, run.info.experiment_id, record.params)
        progress.journal = digest
        _save_progress(folder, progress)
        with journal.attaching(folder):
            if record.stores and all(_sent(folder, store) for store in record.stores):
                shutil.rmtree(folder / "files", ignore_errors=True)
        return str(run.info.run_id)


@dataclass(frozen=True)
class _Push:
    """One journal on its way into one run; each method sends one kind of thing and notes that in `progress`."""

    client: mlflow.MlflowClient
    folder: Path
    record: Record
    run: Run
    progress: Progress

    def send_params(self) -> None:
        if not self.run.data.params:
            params = [Param(name, value) for name, value in self.record.params.items()]
            self.client.log_batch(self.run.info.run_id, params=params)

    def send_tags(self) -> None:
        """Send what a sweep says of a trial after its run was made, and name the run that it is a child of."""
        tags = {name: value for name, value in self.record.tags.items() if name.startswith("sweep.")}
        if parent := self.record.tags.get(PARENT):
            found = self.client.search_runs([self.run.info.experiment_id], f"tags.training = '{parent}'", max_results=1)
            tags |= {MLFLOW_PARENT_RUN_ID: found[0].info.run_id} if found else {}
        for name, value in tags.items():
            if self.run.data.tags.get(name) != value:
                self.client.set_tag(self.run.info.run_id, name, value)

    def send_metrics(self) -> None:
        sent = self.progress.metrics
        while some := self.record.metrics[sent : sent + 1000]:  # as many as MLflow takes at once
            self.client.log_batch(self.run.info.run_id, [Metric(*metric) for metric in some], synchronous=True)
            self.progress.metrics = sent = sent + len(some)

    def send_description(self) -> None:
        text = description.of_run(self.record, self.record.figures)
        if self.progress.description != text:  # what a person makes of it in the UI stays, until scores change
            self.client.set_tag(self.run.info.run_id, MLFLOW_RUN_NOTE, text)
            self.progress.description = text

    def send_files(self) -> None:
        if not self.run.inputs.dataset_inputs:
            data = DatasetInput(Dataset(**self.record.dataset), [InputTag(MLFLOW_DATASET_CONTEXT, "training")])
            self.client.log_inputs(self.run.info.run_id, [data])
        for name, digest in self.record.files.items():
            if self.progress.files.get(name) != digest and name not in (journal.MODEL, journal.EXAMPLE):
                path = self.folder / "files" / digest / Path(name).name
                parent = str(Path(name).parent)  # none for what a person compares: Compare looks into no folder
                self.client.log_artifact(self.run.info.run_id, str(path), None if parent == "." else parent)
                if path.name in IMAGES:
                    _log_image(self.client, self.run, path)
                self.progress.files[name] = digest

    def send_model(self) -> None:
        digest = self.record.files.get(journal.MODEL)
        if digest is None or self.progress.model == digest:
            return
        if not whole_model(self.client, self.run):
            example = self.folder / "files" / self.record.files[journal.EXAMPLE] / journal.EXAMPLE
            path, images = self.folder / "files" / digest / journal.MODEL, files.read_arrays(example)["images"]
            _log_model(self.client, self.run, self.record.tags["model"], path, images)
        self.progress.model = digest

    def send_status(self) -> None:
        status = self.record.status
        if (self.progress.status or self.run.info.status) != status:
            if status == "RUNNING":
                self.client.update_run(self.run.info.run_id, status)
            else:
                self.client.set_terminated(self.run.info.run_id, status, self.record.ended)
        self.progress.status = status


def _run(client: mlflow.MlflowClient, record: Record, progress: Progress) -> tuple[Run, Progress]:
    """Find the journal's run: by its id, by its training's, else the finished one of its fingerprint, or make it.

    Return it with what it has got.
    """
    experiment = server.experiment_id(client, record.experiment)
    found = client.search_runs([experiment], f"tags.training = '{record.training}'", max_results=1)
    if not found and "rebuilt" in record.tags:
        same = f"tags.fingerprint = '{record.fingerprint}' and attributes.status = 'FINISHED'"
        found = client.search_runs([experiment], same, max_results=1)
    run = found[0] if found else _new_run(client, experiment, record)
    if progress.run_id == run.info.run_id:
        return run, progress
    if run.data.tags.get("training") == record.training:
        return run, Progress(run.info.run_id)
    epochs = sum(metric.step > 0 for metric in record.metrics)  # of a training elsewhere, which has sent them
    return run, Progress(run.info.run_id, metrics=epochs, status="FINISHED")


def _new_run(client: mlflow.MlflowClient, experiment: str, record: Record) -> Run:
    shown = {tag: record.tags[key] for tag, key in SHOWN.items() if key in record.tags}
    tags = record.tags | {"training": record.training} | shown
    return client.create_run(experiment, record.started, tags, record.name)


def _log_image(client: mlflow.MlflowClient, run: Run, path: Path) -> None:
    """Log a picture for the image grid as mlflow's own `log_image` does, which would make one more with each call."""
    name = f"{path.stem}+step+0+timestamp+{run.info.start_time}+{run.info.run_id}"
    with tempfile.TemporaryDirectory() as folder, PIL.Image.open(path) as picture:
        shutil.copy(path, Path(folder, f"{name}.png"))
        compress_image_size(picture.convert("RGB"), GRID_PIXELS).save(Path(folder, f"{name}+compressed.webp"))
        client.log_artifacts(run.info.run_id, folder, "images")
    client.set_tag(run.info.run_id, MLFLOW_LOGGED_IMAGES, "true")


def _log_model(client: mlflow.MlflowClient, run: Run, name: str, path: Path, example: np.ndarray) -> None:
    """Log a model with its signature and an example; mlflow's own `log_model` needs a run that is open and ends it."""
    from pipeline.network import saving  # here, since most commands do without TensorFlow

    # isort: split
    import mlflow.tensorflow  # after the network's import, which keeps TensorFlow quiet

    model = saving.load(path)
    made = client.create_logged_model(run.info.experiment_id, name, run.info.run_id, model_type="keras")
    client.log_outputs(run.info.run_id, [LoggedModelOutput(made.model_id, 0)])
    with tempfile.TemporaryDirectory() as folder:
        mlflow.tensorflow.save_model(
            model,
            f"{folder}/model",
            mlflow_model=Model(run_id=run.info.run_id, model_id=made.model_id),
            signature=infer_signature(example, np.empty((2, model.output_shape[-1]), np.float32)),
            input_example=example,
            pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in ("tensorflow", "keras")],
        )
        client.log_model_artifacts(made.model_id, f"{folder}/model")
    client.finalize_logged_model(made.model_id, "READY")


def _send(wake: threading.Event, ended: threading.Event, warned: threading.Event) -> None:
    while True:
        wake.wait()
        wake.clear()
        last = ended.is_set()
        try:
            push_all()
        except Exception as error:  # whatever a store can come up with, a training goes on
            if not warned.is_set():
                _warn(f"does not take what is sent ({server.reason(error):.120})")
            warned.set()
        if last:
            return


def _warn(what: str) -> None:
    remedy = "the work goes on, and `python -m pipeline.tracking sync` sends the rest"
    print(f"warning: MLflow at {location.address()} {what}: {remedy}", file=sys.stderr, flush=True)


def _sent(folder: Path, store: str) -> bool:
    return _progress(folder, store).journal == files.md5(folder / "journal.json")


def _progress(folder: Path, store: str) -> Progress:
    return Progress(**journal.sent(folder).get(store, {}))


def _save_progress(folder: Path, progress: Progress) -> None:
    noted = journal.sent(folder) | {location.store(): asdict(progress)}
    files.write_json(folder / "pushed.json", noted)
