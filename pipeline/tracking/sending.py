"""Sends journals to MLflow: what its store has not got yet. Sending again what was sent changes nothing."""

import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    """Send every journal that the store has not got whole, the newest first, and return how many those were.

    Raise what was first raised for one of them, such as an `InputError` where it is damaged or its experiment was
    deleted, once the others are sent; where the store itself is gone, at once.
    """
    store, known = location.store(), journals.readable()
    pending = [journal for journal in reversed(known) if store in journal.stores and not has(store, journal.folder)]
    pending.sort(key=lambda journal: upload.PARENT in journal.tags)  # a sweep before its trials
    waiting = [journal.folder for journal in pending]
    waiting += sorted({*journals.folders()} - {journal.folder for journal in known})  # to say what is wrong with each
    if not waiting:
        return 0
    client, failed = server.connect(), list[Exception]()
    for folder in waiting:
        try:
            push(client, folder)
        except Exception as error:  # whatever is wrong with one journal, the others are sent
            failed.append(error)
            client = server.connect()
    if failed:
        raise failed[0]
    return len(waiting)


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
        _note(folder, digest)
        with journal.attaching():
            if journal.stores and all(has(store, folder) for store in journal.stores):
                shutil.rmtree(folder / "files", ignore_errors=True)
        return str(run.info.run_id)


def has(store: str, folder: Path) -> bool:
    """Tell whether a store has got a folder's journal whole, as it now is."""
    return _noted(folder).get(store) == files.md5(folder / "journal.json")


def _noted(folder: Path) -> dict[str, str]:
    """Read the MD5s of the journals that stores have got, by store; none where that is lost or damaged."""
    with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
        known = json.loads((folder / "pushed.json").read_bytes())
        return {store: got["journal"] for store, got in known.items()}
    return {}


def _note(folder: Path, digest: str) -> None:
    """Note the MD5 of the journal that the present store has got."""
    known = _noted(folder) | {location.store(): digest}
    files.write_json(folder / "pushed.json", {store: {"journal": digest} for store, digest in known.items()})


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
