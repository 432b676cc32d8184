"""What a training did, on disk until MLflow has all of it, so that no crash, kill or lost server takes it away.

Each training has a folder, `.runs/<fingerprint>/<start>-<process>/`, in the main repository and outside DVC's outs:
`journal.json` tells what happened, `state.npz` how far the network is, `files/` holds what MLflow shall get.
"""

import os
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from filelock import FileLock, Timeout

from pipeline import files, runs
from pipeline.fingerprint import md5
from pipeline.schema import leaves

MODEL, EXAMPLE = "model.keras", "example.npz"  # of the attached files, these become the run's model


class Journal:
    """One training's journal: what is added is on disk before the method returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content: dict[str, Any] = files.read_json(folder / "journal.json")
        self._clock = time.monotonic()

    def open(self) -> None:
        """Note that the present store shall have the journal, also where it had it before."""
        stores = {*self.content["stores"], address()}
        self.content |= {"stores": sorted(stores), "opened": _now()}
        self._write()

    def log_epoch(self, row: Mapping[str, float], images: int) -> None:
        """Add an epoch's figures under `epoch/`, and under `system/` what it took; one that is known stays as it is."""
        epoch, seconds = int(row["epoch"]), time.monotonic() - self._clock
        self._clock = time.monotonic()
        if epoch > self.epochs():
            figures = {f"epoch/{name}": value for name, value in row.items() if name != "epoch"}
            self._add(
                figures | _usage() | {"epoch/seconds": seconds, "epoch/images_per_second": images / seconds}, epoch
            )

    def log_history(self, history: Mapping[str, list[float]]) -> None:
        """Add the figures of every epoch, without times, where there are none: the training was elsewhere."""
        if not self.epochs():
            now, epochs = _now(), [int(epoch) for epoch in history["epoch"]]
            for name, values in history.items():
                figures = zip(values, epochs, strict=True) if name != "epoch" else ()
                self.content["metrics"] += [[f"epoch/{name}", value, now, epoch] for value, epoch in figures]
            self._write()

    def log_scores(self, scores: dict[str, Any]) -> None:
        """Add final figures, nested as in metrics.json, as `test/accuracy`; those that have not changed are known."""
        known = {name: value for name, value, _, _ in self.content["metrics"]}
        flat = {name.replace(".", "/"): value for name, value in leaves(scores)}
        self._add({name: value for name, value in flat.items() if known.get(name) != value}, 0)

    def epochs(self) -> int:
        """Return how many epochs the journal knows."""
        return max((step for _, _, _, step in self.content["metrics"]), default=0)

    def attach(self, paths: Mapping[str, Path]) -> None:
        """Keep copies of files, for MLflow to have under the given names."""
        for name, path in paths.items():
            digest = md5(path)
            files.write_bytes(self.folder / "files" / digest / Path(name).name, path.read_bytes())
            self.content["files"][name] = digest
        self._write()

    def attach_training(self, model: Path, images: np.ndarray, reports: Iterable[Path]) -> None:
        """Keep copies of what a training made: the model, two of its uint8 images as its example, and its reports."""
        with tempfile.TemporaryDirectory() as folder:
            files.write_arrays(example := Path(folder, EXAMPLE), {"images": images[:2]})
            self.attach(
                {MODEL: model, EXAMPLE: example} | {f"{path.parent.name}/{path.name}": path for path in reports}
            )

    def save_state(self, state: files.Arrays) -> None:
        """Keep how far the training is, all or nothing."""
        files.write_arrays(self.folder / "state.npz", state)

    def state(self) -> files.Arrays | None:
        """Return what `save_state` kept last, or None."""
        path = self.folder / "state.npz"
        return files.read_arrays(path) if path.exists() else None

    def end(self, status: str, at: int | None = None) -> None:
        """Set the training's status, and the time of its end: `at` in ms, or now."""
        self.content |= {"status": status, "ended": None if status == "RUNNING" else at or _now()}
        self._write()

    def drop_state(self) -> None:
        """Forget the state: what the training made is recorded, and nothing goes on from it."""
        (self.folder / "state.npz").unlink(missing_ok=True)

    def _add(self, figures: Mapping[str, float], step: int) -> None:
        now = _now()
        self.content["metrics"] += [[name, value, now, step] for name, value in figures.items()]
        self._write()

    def _write(self) -> None:
        files.write_json(self.folder / "journal.json", self.content)


def root() -> Path:
    """Return the folder of all journals, in the main repository also inside DVC's experiments."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve() / ".runs"


def address() -> str:
    """Return where MLflow's store is: `MLFLOW_TRACKING_URI`, or else mlflow.db of the main repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root().parent}/mlflow.db"


def database() -> Path | None:
    """Return the store's SQLite file, or None for a server."""
    return Path(address().removeprefix("sqlite:///")) if address().startswith("sqlite:///") else None


def everything() -> list[Path]:
    """List the folders of all journals, oldest first."""
    return sorted((path.parent for path in root().glob("*/*/journal.json")), key=lambda folder: folder.name)


@contextmanager
def training(facts: dict[str, Any], recorded: bool) -> Iterator[Journal]:
    """Open the journal of a training: the last one's if that can go on to the same bytes, else a new one.

    It can if fingerprint, type of processor, threads and versions are the same, and no other process is at it. One that
    finished goes on while DVC has not `recorded` it in dvc.lock: it was killed between its end and that.

    What ends the block ends the training: FINISHED, KILLED on Ctrl-C or SIGTERM, FAILED on any other exception.
    """
    with _owned(facts, recorded) as journal:
        journal.open()
        journal.end("RUNNING")
        try:
            yield journal
        except KeyboardInterrupt:
            journal.end("KILLED")
            raise
        except BaseException:
            journal.end("FAILED")
            raise
        journal.end("FINISHED")


@contextmanager
def appended(facts: dict[str, Any]) -> Iterator[Journal]:
    """Open the newest journal of a finished training that DVC has recorded, or one made from what it left on disk."""
    folders = [folder for folder in everything() if folder.parent.name == facts["fingerprint"]]
    finished = [folder for folder in folders if Journal(folder).content["status"] == "FINISHED"]
    folder = finished[-1] if finished else _new(facts, {"rebuilt": "true"}, "FINISHED")
    with FileLock(folder / "owner.lock"):
        journal = Journal(folder)
        journal.drop_state()
        journal.open()
        yield journal


def close_dead() -> list[Path]:
    """Mark as KILLED what is RUNNING by a process that is no more, and return its folders."""
    closed = []
    for folder in everything():
        with _if_free(folder) as free:
            if free and (journal := Journal(folder)).content["status"] == "RUNNING":
                times = [time for _, _, time, _ in journal.content["metrics"]]
                journal.end("KILLED", max(times, default=journal.content["started"]))
                closed.append(folder)
    return closed


@contextmanager
def _owned(facts: dict[str, Any], recorded: bool) -> Iterator[Journal]:
    machine = runs.machine()
    for folder in reversed([folder for folder in everything() if folder.parent.name == facts["fingerprint"]]):
        with _if_free(folder) as free:
            journal = Journal(folder)
            if not free or not machine.items() <= journal.content["tags"].items():
                continue
            if journal.content["status"] == "FINISHED" and (recorded or not (folder / "state.npz").exists()):
                break  # what is older was given up
            yield journal
            return
    folder = _new(facts, machine | runs.origin(), "RUNNING")
    with FileLock(folder / "owner.lock"):
        yield Journal(folder)


@contextmanager
def _if_free(folder: Path) -> Iterator[bool]:
    lock = FileLock(folder / "owner.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _new(facts: dict[str, Any], tags: dict[str, str], status: str) -> Path:
    started = _now()
    folder = root() / str(facts["fingerprint"]) / f"{started}-{os.getpid()}"
    content = facts | {"training": uuid.uuid4().hex, "tags": facts["tags"] | tags, "status": status}
    content |= {"started": started, "ended": None if status == "RUNNING" else started, "stores": []}
    content |= {"metrics": [], "files": {}}
    files.write_json(folder / "journal.json", content)
    return folder


def _usage() -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, kilobytes on Linux
    return {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),
        "system/system_memory_usage_percentage": psutil.virtual_memory().percent,
        "system/peak_memory_megabytes": peak / (1e6 if sys.platform == "darwin" else 1e3),
    }


def _now() -> int:
    return int(time.time() * 1000)
