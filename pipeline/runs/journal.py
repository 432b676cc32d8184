"""What a training did, on disk until MLflow has all of it, so that no crash, kill or lost server takes it away.

Each training has a folder, `.runs/<fingerprint>/<start>-<process>/`, in the main repository and outside DVC's outs:
`journal.json` tells what happened, `state.npz` how far the network is, `files/` holds what MLflow shall get.
"""

import dataclasses
import os
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import psutil
from filelock import FileLock, Timeout

from pipeline.base import files
from pipeline.base.rows import Array
from pipeline.config.section import leaves
from pipeline.runs import description, location
from pipeline.runs.description import Description

MODEL, EXAMPLE = "model.keras", "example.npz"  # of the attached files, these become the run's model


class Metric(NamedTuple):
    """A figure of a run, as MLflow has it: `time` in ms, `step` the epoch, 0 for a final score."""

    name: str
    value: float
    time: int
    step: int


@dataclass(kw_only=True)
class Record(Description):
    """All of journal.json: what the training tells from its start, and what happened since; times in ms.

    `training` is its own id, `stores` are those that shall have it, `files` maps names in MLflow to MD5s.
    """

    training: str
    status: str
    started: int
    ended: int | None = None
    opened: int | None = None
    stores: list[str] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """The last value of each metric, by name."""
        return {metric.name: metric.value for metric in self.metrics}

    @property
    def epochs(self) -> int:
        """How many epochs are known."""
        return max((metric.step for metric in self.metrics), default=0)


def read(folder: Path) -> Record:
    """Read the journal in a training's folder."""
    content = files.read_json(folder / "journal.json")
    content["metrics"] = [Metric(*metric) for metric in content["metrics"]]
    content["stores"] = sorted({location.known_as(store) for store in content["stores"]})
    return Record(**content)


def write(folder: Path, record: Record) -> None:
    """Write the journal of a training's folder."""
    files.write_json(folder / "journal.json", dataclasses.asdict(record))


def sent(folder: Path) -> dict[str, Any]:
    """Return what each store has got of the journal in a training's folder, as `sending` notes it."""
    path = folder / "pushed.json"
    noted = files.read_json(path) if path.exists() else {}
    return {location.known_as(store): progress for store, progress in noted.items()}


class Journal:
    """One training's journal: what is added is on disk before the method returns."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.record = folder, read(folder)
        self._clock = time.monotonic()

    def open(self) -> None:
        """Note that the present store shall have the journal, also where it had it before."""
        self.record.stores = sorted({*self.record.stores, location.store()})
        self.record.opened = _now()
        self._write()

    def log_epoch(self, row: Mapping[str, float], images: int) -> None:
        """Add an epoch's figures under `epoch/`, and under `system/` what it took; one that is known stays as it is."""
        epoch, seconds = int(row["epoch"]), time.monotonic() - self._clock
        self._clock = time.monotonic()
        if epoch > self.record.epochs:
            figures = {f"epoch/{name}": value for name, value in row.items() if name != "epoch"}
            self._add(
                figures | _usage() | {"epoch/seconds": seconds, "epoch/images_per_second": images / seconds}, epoch
            )

    def log_history(self, history: pd.DataFrame) -> None:
        """Add the figures of every epoch, without times, where there are none: the training was elsewhere."""
        if not self.record.epochs:
            now, epochs = _now(), history["epoch"].astype(int)
            for name, values in history.drop(columns="epoch").items():
                figures = zip(values, epochs, strict=True)
                self.record.metrics += [Metric(f"epoch/{name}", value, now, epoch) for value, epoch in figures]
            self._write()

    def log_scores(self, scores: dict[str, Any]) -> None:
        """Add final figures, nested as in metrics.json, as `test/accuracy`; those that have not changed are known."""
        known = self.record.figures
        flat = {name.replace(".", "/"): value for name, value in leaves(scores)}
        self._add({name: value for name, value in flat.items() if known.get(name) != value}, 0)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags; one that begins with `sweep.` also reaches a run that exists."""
        self.record.tags |= tags
        self._write()

    def values(self, metric: str) -> list[float]:
        """Return every value of a metric, in order."""
        return [known.value for known in self.record.metrics if known.name == metric]

    def attach(self, paths: Mapping[str, Path]) -> None:
        """Keep copies of files, for MLflow to have under the given names."""
        with attaching(self.folder):
            for name, path in paths.items():
                digest = files.md5(path)
                files.write_bytes(self.folder / "files" / digest / Path(name).name, path.read_bytes())
                self.record.files[name] = digest
            self._write()

    def attach_training(self, model: Path, images: Array, reports: Iterable[Path]) -> None:
        """Keep copies of all that a training made: the model, two of its uint8 images as its example, and its reports.

        What was attached before is forgotten, but for exports, which a stage of their own attaches. A report has the
        same name in every run: MLflow compares files by name.
        """
        with tempfile.TemporaryDirectory() as folder:
            files.write_arrays(example := Path(folder, EXAMPLE), {"images": images[:2]})
            self.record.files = {
                name: digest for name, digest in self.record.files.items() if name.startswith("exports")
            }
            self.attach({MODEL: model, EXAMPLE: example} | {path.name: path for path in reports})

    def save_state(self, state: files.Arrays) -> None:
        """Keep how far the training is, all or nothing."""
        files.write_arrays(self.folder / "state.npz", state)

    def state(self) -> files.Arrays | None:
        """Return what `save_state` kept last, or None."""
        path = self.folder / "state.npz"
        return files.read_arrays(path) if path.exists() else None

    def end(self, status: str, at: int | None = None) -> None:
        """Set the training's status, and the time of its end: `at` in ms, or now."""
        self.record.status, self.record.ended = status, None if status == "RUNNING" else at or _now()
        self._write()

    def drop_state(self) -> None:
        """Forget the state: what the training made is recorded, and nothing goes on from it."""
        (self.folder / "state.npz").unlink(missing_ok=True)

    def _add(self, figures: Mapping[str, float], step: int) -> None:
        now = _now()
        self.record.metrics += [Metric(name, value, now, step) for name, value in figures.items()]
        self._write()

    def _write(self) -> None:
        write(self.folder, self.record)


def attaching(folder: Path) -> FileLock:
    """Return the lock under which files are attached; whoever removes them holds it, to remove none of a moment ago."""
    return FileLock(folder / "files.lock")


def everything() -> list[Path]:
    """List the folders of all journals, oldest first."""
    return sorted(
        (path.parent for path in location.journals().glob("*/*/journal.json")), key=lambda folder: folder.name
    )


def experiment_id(name: str) -> str | None:
    """Return an experiment's id in the present store, as known from what was sent there last, or None."""
    for folder in reversed(everything()):
        store = sent(folder).get(location.store(), {})
        if store.get("experiment") and read(folder).experiment == name:
            return str(store["experiment"])
    return None


def drop_states(fingerprint: str) -> None:
    """Forget where trainings of a fingerprint could go on from: they begin anew should they be wanted again."""
    for path in location.journals().glob(f"{fingerprint}/*/state.npz"):
        path.unlink(missing_ok=True)


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
        journal.end("RUNNING")
        try:
            yield journal
        except KeyboardInterrupt:
            journal.end("KILLED")
            raise
        except BaseException:
            journal.end("FAILED")
            raise
        if journal.record.status == "RUNNING":
            journal.end("FINISHED")


@contextmanager
def appended(described: Description) -> Iterator[Journal]:
    """Open the newest journal of a finished training that DVC has recorded, or one made from what it left on disk."""
    folders = [folder for folder in everything() if folder.parent.name == described.fingerprint]
    finished = [folder for folder in folders if read(folder).status == "FINISHED"]
    folder = finished[-1] if finished else _new(described, {"rebuilt": "true"}, "FINISHED")
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
            if free and (journal := Journal(folder)).record.status == "RUNNING":
                times = [metric.time for metric in journal.record.metrics]
                journal.end("KILLED", max(times, default=journal.record.started))
                closed.append(folder)
    return closed


@contextmanager
def _owned(described: Description, recorded: bool) -> Iterator[Journal]:
    machine = description.machine()
    for folder in reversed([folder for folder in everything() if folder.parent.name == described.fingerprint]):
        with _if_free(folder) as free:
            journal = Journal(folder)
            if not free or not machine.items() <= journal.record.tags.items():
                continue
            if journal.record.status == "FINISHED" and (recorded or not (folder / "state.npz").exists()):
                break  # what is older was given up
            _say_where(journal)
            yield journal
            return
    folder = _new(described, machine | description.origin(), "RUNNING")
    with FileLock(folder / "owner.lock"):
        yield Journal(folder)


def _say_where(journal: Journal) -> None:
    """Say after which epoch a training goes on, if it has finished one."""
    record, state = journal.record, journal.state()
    if state and "history/epoch" in state:  # a sweep has none
        name, epochs = record.tags["dvc.stage"].partition("@")[2], record.params["train.epochs"]
        print(f"{name}: goes on after epoch {len(state['history/epoch'])} of {epochs}", flush=True)


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


def _new(described: Description, tags: dict[str, str], status: str) -> Path:
    started = _now()
    folder = location.journals() / described.fingerprint / f"{started}-{os.getpid()}"
    known = dataclasses.asdict(described) | {"tags": described.tags | tags}
    ended = None if status == "RUNNING" else started
    write(folder, Record(**known, training=uuid.uuid4().hex, status=status, started=started, ended=ended))
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
