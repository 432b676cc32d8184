"""Sends journals to MLflow: what its store has not got yet. Sending again what was sent changes nothing."""

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import numpy as np
from filelock import FileLock
from mlflow.data.code_dataset_source import CodeDatasetSource

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.data.arrays import LabelledRows
from pipeline.tracking import fingerprints, folders, journal, location, server, upload, views
from pipeline.tracking.folders import Sent

PATIENCE = 10.0  # seconds that a stage waits at its end for a server; what is left, `sync` sends


def dataset(name: str, path: Path, train: LabelledRows) -> dict[str, str]:
    """Describe the images that a training saw as MLflow does, with the MD5 of what holds them as digest."""
    images, labels = train
    digest = fingerprints.md5(path)
    source = CodeDatasetSource({"path": str(path), "md5": digest})
    shape = np.broadcast_to(images[:1], images.shape)  # MLflow looks at no pixel
    described: dict[str, str] = mlflow.data.from_numpy(shape, source, labels, name=name, digest=digest[:8]).to_dict()
    return described


@contextmanager
def in_background() -> Iterator[Callable[[], None]]:
    """Send all journals in the background, now, whenever the yielded function is called, and at the end of the block.

    What fails is said once, on stderr, and stops nothing. A local store is waited for, a server `PATIENCE` seconds.
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

    Raise what was first raised for one of them, such as an `InputError` where it is damaged or its experiment was
    deleted, once the others are sent; where the store itself is gone, at once.
    """
    store, records = location.store(), folders.readable()
    known = [folder for folder, record in reversed(records.items()) if store in record.stores]
    pending = [folder for folder in known if not folders.sent(folder, store)]
    pending.sort(key=lambda folder: upload.PARENT in records[folder].tags)  # a sweep before its trials
    pending += [folder for folder in folders.everything() if folder not in records]  # to say what is wrong with each
    if not pending:
        return 0
    client, failed = server.connect(), list[Exception]()
    for folder in pending:
        try:
            push(client, folder)
        except Exception as error:  # whatever is wrong with one journal, the others are sent
            failed.append(error)
            client = server.connect()
    if failed:
        raise failed[0]
    return len(pending)


def holds(client: mlflow.MlflowClient, experiment: str, fingerprint: str) -> bool:
    """Tell whether the store has a finished and evaluated run of a training, with its model."""
    wanted = f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED' and metrics.`test/accuracy` >= 0"
    found = client.search_runs([server.experiment_id(client, experiment)], wanted)
    return any(upload.whole_model(client, run) for run in found)


def push(client: mlflow.MlflowClient, folder: Path) -> str:
    """Send what the store has not got yet of the journal in `folder`, and return its run's id."""
    store = location.store()
    with FileLock(folder / "push.lock"):
        digest = files.md5(folder / "journal.json")
        record = folders.read(folder)
        run, sent = upload.find_or_make(client, record), folders.read_sent(folder, store)
        if sent.run_id != run.info.run_id:
            sent = Sent(run.info.run_id, run.info.experiment_id)
        try:
            upload.send(client, folder, record, run, sent)
            if record.status != "RUNNING":
                views.keep(client, run.info.experiment_id, record.params)
            sent.journal = digest
        finally:
            folders.write_sent(folder, store, sent)
        with folders.attaching(folder):
            if record.stores and all(folders.sent(folder, store) for store in record.stores):
                shutil.rmtree(folder / "files", ignore_errors=True)
        return str(run.info.run_id)


def _send(wake: threading.Event, ended: threading.Event, warned: threading.Event) -> None:
    while True:
        wake.wait()
        wake.clear()
        last = ended.is_set()
        try:
            push_all()
        except Exception as error:  # whatever a store can come up with, a training goes on
            if not warned.is_set() and isinstance(error, InputError):  # which says itself what to do
                print(f"warning: {error}", file=sys.stderr, flush=True)
            elif not warned.is_set():
                _warn(f"does not take what is sent ({server.reason(error):.120})")
            warned.set()
        if last:
            return


def _warn(what: str) -> None:
    remedy = "the work goes on, and `python -m pipeline tracking sync` sends the rest"
    print(f"warning: MLflow at {location.address()} {what}: {remedy}", file=sys.stderr, flush=True)
