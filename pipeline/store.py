"""MLflow's side of the journals: sends what its store has not got yet. Sending again what was sent changes nothing."""

import importlib.metadata
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from filelock import FileLock
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, Run
from mlflow.models import Model, infer_signature
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_GIT_COMMIT, MLFLOW_RUN_NOTE, MLFLOW_SOURCE_NAME

from pipeline import files, journal, quiet, runs
from pipeline.errors import InputError
from pipeline.files import Labelled
from pipeline.fingerprint import md5

SHOWN = {MLFLOW_SOURCE_NAME: "dvc.stage", MLFLOW_GIT_COMMIT: "git.commit"}  # as columns of the UI
PATIENCE = 10.0  # seconds that a stage waits at its end for a server; what is left, `sync` sends
LIMITS = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}  # of mlflow's: 120 s, 7
QUIET = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}  # a server's client prints two lines for each run


def connect() -> mlflow.MlflowClient:
    """Return a client of the store; a server that does not answer fails in a minute instead of many."""
    for logger, level in (("mlflow", "WARNING"), ("alembic", "WARNING"), ("urllib3", "ERROR")):
        logging.getLogger(logger).setLevel(level)
    for name, value in (LIMITS | QUIET).items():
        os.environ.setdefault(name, value)
    mlflow.set_tracking_uri(journal.address())
    with _alone():  # three that make one new database at once would break it
        database = journal.database()
        if database and not database.exists():
            _make(database)
        client = mlflow.MlflowClient()
        client.get_experiment_by_name("Default")
    return client


def experiment_id(client: mlflow.MlflowClient, name: str) -> str:
    """Return the experiment's id, made on first use; one that was deleted is an `InputError`.

    A SQLite store keeps its artifacts in `mlartifacts` beside the database, wherever a command is run.
    """
    with _alone():
        if found := client.get_experiment_by_name(name):
            if found.lifecycle_stage == "deleted":
                remedy = f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
                raise InputError(
                    f"MLflow's experiment {name} at {journal.address()} was deleted: {remedy} brings it back"
                )
            return str(found.experiment_id)
        database = journal.database()
        location = (database.parent / "mlartifacts").resolve().as_uri() if database else None
        tags = {MLFLOW_RUN_NOTE: runs.experiment_description(name)}
        tags["mlflow.experimentKind"] = "custom_model_development"  # not one of generative AI, for UIs that go by this
        return str(client.create_experiment(name, location, tags))


def dataset(name: str, path: Path, train: Labelled) -> dict[str, str]:
    """Describe the images that a training saw as MLflow does, with the MD5 of their file as digest."""
    images, labels = train
    digest = md5(path)
    source = CodeDatasetSource({"path": str(path), "md5": digest})
    described: dict[str, str] = mlflow.data.from_numpy(images, source, labels, name=name, digest=digest[:8]).to_dict()
    return described


@contextmanager
def sending() -> Iterator[Callable[[], None]]:
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
        sender.join(None if journal.database() else PATIENCE)
        if sender.is_alive() and not warned.is_set():
            _warn("is slow")


def push_all() -> int:
    """Send every journal that the store has not got whole, the newest first, and return how many those were.

    Raise `InputError` for one whose experiment was deleted, once the others are sent.
    """
    store = journal.address()
    known = [folder for folder in reversed(journal.everything()) if store in journal.Journal(folder).content["stores"]]
    pending = [folder for folder in known if not _sent(folder, store)]
    if not pending:
        return 0
    client, refused = connect(), list[InputError]()
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
    return bool(client.search_runs([experiment_id(client, experiment)], wanted, max_results=1))


def push(client: mlflow.MlflowClient, folder: Path) -> str:
    """Send what the store has not got yet of the journal in `folder`, and return its run's id."""
    with FileLock(folder / "push.lock"):
        digest = md5(folder / "journal.json")
        content = files.read_json(folder / "journal.json")
        progress = _progress(folder, journal.address())
        run = _run(client, content, progress)
        for step in (_send_metrics, _send_description, _send_files, _send_model, _send_status):
            step(client, run, content, progress, folder)
            _save_progress(folder, progress)
        _save_progress(folder, progress | {"journal": digest})
        if all(_sent(folder, store) for store in content["stores"]):
            shutil.rmtree(folder / "files", ignore_errors=True)
        return str(run.info.run_id)


def _run(client: mlflow.MlflowClient, content: dict[str, Any], progress: dict[str, Any]) -> Run:
    """Find the journal's run: by its id, by its training's, else the finished one of its fingerprint, or make it."""
    experiment = experiment_id(client, content["experiment"])
    wanted = f"tags.training = '{content['training']}'"
    found = client.search_runs([experiment], wanted, max_results=1)
    if not found and "rebuilt" in content["tags"]:
        same = f"tags.fingerprint = '{content['fingerprint']}' and attributes.status = 'FINISHED'"
        found = client.search_runs([experiment], same, max_results=1)
    if found and progress.get("run_id") == found[0].info.run_id:
        return found[0]
    progress.clear()
    if found and found[0].data.tags.get("training") != content["training"]:  # of a training elsewhere, which has sent
        progress |= {"metrics": sum(step > 0 for _, _, _, step in content["metrics"]), "status": "FINISHED"}
    run = found[0] if found else _new_run(client, experiment, content)
    progress["run_id"] = run.info.run_id
    return run


def _new_run(client: mlflow.MlflowClient, experiment: str, content: dict[str, Any]) -> Run:
    known = content["tags"]
    tags = known | {"training": content["training"]} | {tag: known[key] for tag, key in SHOWN.items() if key in known}
    return client.create_run(experiment, content["started"], tags, content["name"])


def _send_metrics(
    client: mlflow.MlflowClient, run: Run, content: dict[str, Any], progress: dict[str, Any], folder: Path
) -> None:
    if not run.data.params:
        params = [Param(name, value) for name, value in content["params"].items()]
        client.log_batch(run.info.run_id, params=params)
    sent = progress.get("metrics", 0)
    while some := content["metrics"][sent : sent + 1000]:  # as many as MLflow takes at once
        client.log_batch(run.info.run_id, [Metric(*metric) for metric in some], synchronous=True)
        progress["metrics"] = sent = sent + len(some)


def _send_description(
    client: mlflow.MlflowClient, run: Run, content: dict[str, Any], progress: dict[str, Any], folder: Path
) -> None:
    text = runs.description(content)
    if progress.get("description") != text:  # what a person makes of it in the UI stays, until there are other scores
        client.set_tag(run.info.run_id, MLFLOW_RUN_NOTE, text)
        progress["description"] = text


def _send_files(
    client: mlflow.MlflowClient, run: Run, content: dict[str, Any], progress: dict[str, Any], folder: Path
) -> None:
    if not run.inputs.dataset_inputs:
        data = DatasetInput(Dataset(**content["dataset"]), [InputTag(MLFLOW_DATASET_CONTEXT, "training")])
        client.log_inputs(run.info.run_id, [data])
    sent = progress.setdefault("files", {})
    for name, digest in content["files"].items():
        if sent.get(name) != digest and name not in (journal.MODEL, journal.EXAMPLE):
            path = folder / "files" / digest / Path(name).name
            client.log_artifact(run.info.run_id, str(path), str(Path(name).parent))
            sent[name] = digest


def _send_model(
    client: mlflow.MlflowClient, run: Run, content: dict[str, Any], progress: dict[str, Any], folder: Path
) -> None:
    digest = content["files"].get(journal.MODEL)
    if digest is None or progress.get("model") == digest:
        return
    outputs = [output.model_id for output in (run.outputs.model_outputs if run.outputs else [])]
    if not any(client.get_logged_model(model_id).status == "READY" for model_id in outputs):
        example = files.read_arrays(folder / "files" / content["files"][journal.EXAMPLE] / journal.EXAMPLE)
        name = content["tags"]["model"]
        _log_model(client, run, name, folder / "files" / digest / journal.MODEL, example["images"])
    progress["model"] = digest


def _log_model(client: mlflow.MlflowClient, run: Run, name: str, path: Path, example: np.ndarray) -> None:
    """Log a model with its signature and an example; mlflow's own `log_model` needs a run that is open and ends it."""
    quiet.import_tensorflow()
    import mlflow.tensorflow  # here, since most commands do without TensorFlow

    from pipeline import models

    model = models.load(path)
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


def _send_status(
    client: mlflow.MlflowClient, run: Run, content: dict[str, Any], progress: dict[str, Any], folder: Path
) -> None:
    status = content["status"]
    if progress.get("status", run.info.status) != status:
        if status == "RUNNING":
            client.update_run(run.info.run_id, status)
        else:
            client.set_terminated(run.info.run_id, status, content["ended"])
    progress["status"] = status


def _send(wake: threading.Event, ended: threading.Event, warned: threading.Event) -> None:
    while True:
        wake.wait()
        wake.clear()
        last = ended.is_set()
        try:
            push_all()
        except Exception as error:  # whatever a store can come up with, a training goes on
            if not warned.is_set():
                _warn(f"does not take what is sent ({reason(error):.120})")
            warned.set()
        if last:
            return


def reason(error: BaseException) -> str:
    """Say in a line what is at the root of an error: mlflow wraps `Connection refused` in 300 characters of its own."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return (str(error) or type(error).__name__).splitlines()[0]


def _warn(what: str) -> None:
    remedy = "the work goes on, and `python -m pipeline.tracking sync` sends the rest"
    print(f"warning: MLflow at {journal.address()} {what}: {remedy}", file=sys.stderr, flush=True)


def _sent(folder: Path, store: str) -> bool:
    return _progress(folder, store).get("journal") == md5(folder / "journal.json")


def _progress(folder: Path, store: str) -> dict[str, Any]:
    path = folder / "pushed.json"
    found: dict[str, Any] = files.read_json(path).get(store, {}) if path.exists() else {}
    return found


def _save_progress(folder: Path, progress: Mapping[str, Any]) -> None:
    path = folder / "pushed.json"
    known = files.read_json(path) if path.exists() else {}
    files.write_json(path, known | {journal.address(): dict(progress)})


def _make(database: Path) -> None:
    """Make a SQLite store elsewhere and put it here whole: killed amid mlflow's migrations, one is broken for good."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, database.name)
        mlflow.MlflowClient(f"sqlite:///{made}")
        files.write_bytes(database, made.read_bytes())


@contextmanager
def _alone() -> Iterator[None]:
    database = journal.database()
    with FileLock(f"{database}.lock") if database else nullcontext():
        yield
