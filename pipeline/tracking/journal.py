"""What a training did, on disk until MLflow has all of it, so that no crash, kill or lost server takes it away."""

import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from filelock import FileLock, Timeout

from pipeline.base import files
from pipeline.config.section import leaves
from pipeline.data.arrays import Array
from pipeline.tracking import description, folders, location
from pipeline.tracking.description import Description
from pipeline.tracking.folders import Metric

MODEL, EXAMPLE = "model.keras", "example.npz"  # of the attached files, these become the run's model


class Journal:
    """One training's journal: what is added is on disk before the method returns."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.record = folder, folders.read(folder)
        self._clock = time.monotonic()

    def open(self) -> None:
        """Note that the present store shall have the journal, also where it had it before."""
        self.record.stores = sorted({*self.record.stores, location.store()})
        self.record.opened = folders.now()
        self._write()

    def log_epoch(self, row: Mapping[str, float], images: int) -> None:
        """Add an epoch's metrics under `epoch/`, and under `system/` what it took; one that is known stays as it is."""
        epoch, seconds = int(row["epoch"]), time.monotonic() - self._clock
        self._clock = time.monotonic()
        if epoch > self.record.epochs:
            took = {"seconds": seconds, "images_per_second": images / seconds}
            metrics = {f"epoch/{name}": value for name, value in (dict(row) | took).items() if name != "epoch"}
            self._add(metrics | _usage(), epoch)

    def log_history(self, history: pd.DataFrame) -> None:
        """Add the metrics of every epoch, without times, where there are none: the training was elsewhere."""
        if not self.record.epochs:
            now, epochs = folders.now(), history["epoch"].astype(int)
            for name, values in history.drop(columns="epoch").items():
                metrics = zip(values, epochs, strict=True)
                self.record.metrics += [Metric(f"epoch/{name}", value, now, epoch) for value, epoch in metrics]
            self._write()

    def log_metrics(self, metrics: dict[str, Any]) -> None:
        """Add final metrics, nested as in metrics.json, as `test/accuracy`; those that have not changed are known."""
        flat, known = {name.replace(".", "/"): value for name, value in leaves(metrics)}, self.record.latest
        self._add({name: value for name, value in flat.items() if known.get(name) != value}, 0)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags; one that begins with `sweep.` also reaches a run that exists."""
        self.record.tags |= tags
        self._write()

    def values(self, metric: str) -> list[float]:
        """Return every value of a metric, in order."""
        return self.record.values(metric)

    def attach(self, paths: Mapping[str, Path]) -> None:
        """Keep copies of files, for MLflow to have under the given names."""
        with folders.attaching(self.folder):
            for name, path in paths.items():
                digest = files.md5(path)
                files.write_bytes(folders.attached(self.folder, name, digest), path.read_bytes())
                self.record.files[name] = digest
            self._write()

    def attach_training(self, model: Path, images: Array, reports: Iterable[Path]) -> None:
        """Keep copies of all that a training made: the model, two of its uint8 images as its example, and its reports.

        A report has the same name in every run: MLflow compares files by name.
        """
        with tempfile.TemporaryDirectory() as folder:
            files.write_arrays(example := Path(folder, EXAMPLE), {"images": images[:2]})
            self.attach({MODEL: model, EXAMPLE: example} | {path.name: path for path in reports})

    def save_state(self, state: files.Arrays) -> None:
        """Keep how far the training is, all or nothing."""
        files.write_arrays(self.folder / "state.npz", state)

    def state(self) -> files.Arrays | None:
        """Return what `save_state` kept last, or None."""
        path = self.folder / "state.npz"
        return files.read_arrays(path) if path.exists() else None

    def set_status(self, status: str, at: int | None = None) -> None:
        """Set the training's status, and the time of its end: `at` in ms, or now."""
        self.record.status, self.record.ended = status, None if status == "RUNNING" else at or folders.now()
        self._write()

    def _add(self, metrics: Mapping[str, float], step: int) -> None:
        now = folders.now()
        self.record.metrics += [Metric(name, value, now, step) for name, value in metrics.items()]
        self._write()

    def _write(self) -> None:
        folders.write(self.folder, self.record)


@contextmanager
def opened(described: Description, recorded: bool) -> Iterator[Journal]:
    """Open the journal of a training: the last one's if that can go on to the same bytes, else a new one.

    It can if fingerprint, type of processor, threads and versions are the same, and no other process is at it. One that
    finished goes on while DVC has not `recorded` it in dvc.lock: it was killed between its end and that.

    What ends the block ends the training: KILLED on Ctrl-C or SIGTERM, FAILED on any other exception, else FINISHED
    unless it has set the status itself.
    """
    with _owned(described, recorded) as journal:
        journal.open()
        journal.set_status("RUNNING")
        try:
            yield journal
        except BaseException as error:
            journal.set_status("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        if journal.record.status == "RUNNING":
            journal.set_status("FINISHED")


@contextmanager
def appended(described: Description) -> Iterator[Journal]:
    """Open the newest journal of a finished training that DVC has recorded, or one made from what it left on disk."""
    known = folders.readable(described.fingerprint)
    finished = [folder for folder, record in known.items() if record.status == "FINISHED"]
    folder = finished[-1] if finished else folders.new(described, {"rebuilt": "true"}, "FINISHED")
    with FileLock(folder / "owner.lock"):
        (folder / "state.npz").unlink(missing_ok=True)  # what the training made is recorded: nothing goes on from it
        journal = Journal(folder)
        journal.open()
        yield journal


def close_dead() -> None:
    """Mark as KILLED what is RUNNING by a process that is no more."""
    for folder in folders.readable():
        with suppress(Timeout), FileLock(folder / "owner.lock", timeout=0):
            if (journal := Journal(folder)).record.status == "RUNNING":
                times = [metric.time for metric in journal.record.metrics]
                journal.set_status("KILLED", max(times, default=journal.record.started))


@contextmanager
def _owned(described: Description, recorded: bool) -> Iterator[Journal]:
    machine = description.machine()
    for folder in reversed(folders.readable(described.fingerprint)):
        try:
            owned = FileLock(folder / "owner.lock").acquire(timeout=0)
        except Timeout:  # another process is at it
            continue
        with owned:
            journal = Journal(folder)
            if not machine.items() <= journal.record.tags.items():
                continue
            if journal.record.status == "FINISHED" and (recorded or not (folder / "state.npz").exists()):
                break  # what is older was given up
            _say_where(journal)
            yield journal
            return
    folder = folders.new(described, machine | description.origin(), "RUNNING")
    with FileLock(folder / "owner.lock"):
        yield Journal(folder)


def _say_where(journal: Journal) -> None:
    """Say after which epoch a training goes on, if it has finished one."""
    record, state = journal.record, journal.state()
    if state and "history/epoch" in state:  # a sweep has none
        name, epochs = record.tags["dvc.stage"].partition("@")[2], record.params["train.epochs"]
        print(f"{name}: goes on after epoch {len(state['history/epoch'])} of {epochs}", flush=True)


def _usage() -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, kilobytes on Linux
    return {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),
        "system/system_memory_usage_percentage": psutil.virtual_memory().percent,
        "system/peak_memory_megabytes": peak / (1e6 if sys.platform == "darwin" else 1e3),
    }
