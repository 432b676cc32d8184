"""Sends journals to MLflow: what its store has not got yet. Sending again what was sent changes nothing."""

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from filelock import FileLock

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.tracking import journals, location, server, upload
from pipeline.tracking.journals import Journal

PATIENCE = 10.0  # seconds that a stage waits at its end for a server; what is left, `sync` sends


@contextmanager
def in_background() -> Iterator[Callable[[], None]]:
    """Send all journals in the background, now, whenever the yielded function is called, and at the end of the block.

    What fails is said once, on stderr, and stops nothing. A local store is waited for, a server `PATIENCE` seconds.
    """
    wake, ended, warned = threading.Event(), threading.Event(), threading.Event()
    wake.set()
    sender = threading.Thread(target=_send, args=(wake, ended, warned), daemon=True)
    journals.close_dead()
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
    """Send every journal that the store shall have and has not got whole, and return how many those were.

    Raise what was first raised for one of them, such as an `InputError` where it is damaged or its experiment was
    deleted, once the others are sent; where the store itself is gone, at once.
    """
    known = {journal.folder: journal for journal in journals.readable()}
    pending = [folder for folder, journal in known.items() if journal.store == location.store() and not sent(folder)]
    pending += [folder for folder in journals.folders() if folder not in known]  # to say what is wrong with each
    if not pending:
        return 0
    client, failed = server.connect(), list[Exception]()
    for folder in pending:  # the oldest first: a sweep before its trials
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
    """Send the journal in `folder` whole, note that the store has it, and return its run's id."""
    with FileLock(folder / "push.lock"):
        digest = files.md5(folder / "journal.json")
        journal = Journal.read(folder)
        run = upload.find_or_make(client, journal)
        upload.send(client, journal, run)
        files.write_text(folder / "sent.md5", digest)
        with journal.attaching():
            if sent(folder):
                shutil.rmtree(folder / "files", ignore_errors=True)
        return str(run.info.run_id)


def sent(folder: Path) -> bool:
    """Tell whether MLflow has got a folder's journal whole, as it now is."""
    note = folder / "sent.md5"
    return note.exists() and note.read_bytes().strip() == files.md5(folder / "journal.json").encode()


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
    remedy = "the work goes on, and `python -m pipeline sync` sends the rest"
    print(f"warning: MLflow at {location.address()} {what}: {remedy}", file=sys.stderr, flush=True)
