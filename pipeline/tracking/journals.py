"""What each training did, on disk until MLflow has all of it, so that no crash, kill or lost server takes it away.

A training's folder is `.runs/<fingerprint>/<start>-<process>/`, in the main repository and outside DVC's outs. In it,
`journal.json` tells what happened, `sent.md5` how much of that MLflow has got, `state.npz` how far the network is, and
`files/` holds what MLflow shall get.
"""

import dataclasses
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import pandas as pd
from filelock import FileLock, Timeout

from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.config.section import leaves
from pipeline.tracking import description, location
from pipeline.tracking.description import Description

RUNS = ".runs"
MODEL = "model.keras"  # the attached file that becomes the run's model


class Metric(NamedTuple):
    """One value of a metric, as MLflow has it: `time` in ms, `step` the epoch, 0 for a final one."""

    name: str
    value: float
    time: int
    step: int


@dataclass(kw_only=True)
class Journal(Description):
    """One training's journal: what is added is on disk before the method returns. Times are in ms.

    `training` is its own id, `store` the one that shall have it, `files` maps names in MLflow to MD5s.
    """

    folder: Path
    training: str
    status: str
    started: int
    ended: int | None = None
    opened: int | None = None
    store: str | None = None
    metrics: list[Metric] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start the clock of the first epoch."""
        self._clock = time.monotonic()

    @classmethod
    def new(cls, described: Description, tags: dict[str, str], status: str) -> Self:
        """Make the journal of a training that begins now, or, already FINISHED, is found on disk."""
        started = now()
        folder = location.repository() / RUNS / described.fingerprint / f"{started}-{os.getpid()}"
        known = dataclasses.asdict(described) | {"tags": described.tags | tags, "status": status}
        ended = None if status == "RUNNING" else started
        journal = cls(**known, folder=folder, training=uuid.uuid4().hex, started=started, ended=ended)
        journal._write()
        return journal

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the journal in a folder; raise `InputError` for a damaged one."""
        path = folder / "journal.json"
        try:
            content = json.loads(path.read_bytes())
            known = {name: content[name] for name in content.keys() & cls.__dataclass_fields__.keys()}
            known["metrics"] = [Metric(*metric) for metric in content["metrics"]]
            return cls(**known | {"folder": folder})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            remedy = "delete its folder, and `python -m pipeline sync` makes what is on disk a run of its own"
            raise InputError(f"{path} is damaged ({error!r:.80}): {remedy}") from None

    @property
    def epochs(self) -> int:
        """How many epochs are known."""
        return max((metric.step for metric in self.metrics), default=0)

    def values(self, name: str) -> list[float]:
        """Return every value of a metric, in order."""
        return [metric.value for metric in self.metrics if metric.name == name]

    def open(self) -> None:
        """Note that the present store shall have the journal, also where it had it before."""
        self.store, self.opened = location.store(), now()
        self._write()

    def log_epoch(self, row: Mapping[str, float], images: int) -> None:
        """Add an epoch's metrics under `epoch/`, and what it took; one that is known stays as it is."""
        epoch, seconds = int(row["epoch"]), time.monotonic() - self._clock
        self._clock = time.monotonic()
        if epoch > self.epochs:
            took = {"seconds": seconds, "images_per_second": images / seconds}
            self._add({f"epoch/{name}": value for name, value in (dict(row) | took).items() if name != "epoch"}, epoch)

    def log_history(self, history: pd.DataFrame) -> None:
        """Add the metrics of every epoch, without times, where there are none: the training was elsewhere."""
        if not self.epochs:
            for row in history.to_dict("records"):
                epoch = int(row.pop("epoch"))
                self._add({f"epoch/{name}": value for name, value in row.items()}, epoch)

    def log_metrics(self, metrics: dict[str, Any]) -> None:
        """Add final metrics, nested as in metrics.json, as `test/accuracy`; those that have not changed are known."""
        flat = {name.replace(".", "/"): value for name, value in leaves(metrics)}
        known = {metric.name: metric.value for metric in self.metrics}
        self._add({name: value for name, value in flat.items() if known.get(name) != value}, 0)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags; one that begins with `sweep.` also reaches a run that exists."""
        self.tags |= tags
        self._write()

    def attach(self, paths: Mapping[str, Path]) -> None:
        """Keep copies of files, for MLflow to have under the given names."""
        with self.attaching():
            for name, path in paths.items():
                files.write_bytes(self.attached(name), path.read_bytes())
                self.files[name] = files.md5(path)
            self._write()

    def attach_training(self, model: Path, reports: Iterable[Path]) -> None:
        """Keep copies of all that a training made: its model, and its reports.

        A report has the same name in every run: MLflow compares files by name.
        """
        self.attach({MODEL: model} | {path.name: path for path in reports})

    def attached(self, name: str) -> Path:
        """Return where the file lies that MLflow shall have under a name."""
        return self.folder / "files" / name

    def attaching(self) -> FileLock:
        """Return the lock under which files are attached; whoever removes them holds it, lest a new one goes too."""
        return FileLock(self.folder / "files.lock")

    def save_state(self, state: Arrays) -> None:
        """Keep how far the training is, all or nothing."""
        files.write_arrays(self.folder / "state.npz", state)

    def state(self) -> Arrays | None:
        """Return what `save_state` kept last, or None."""
        path = self.folder / "state.npz"
        return files.read_arrays(path) if path.exists() else None

    def set_status(self, status: str, at: int | None = None) -> None:
        """Set the training's status, and the time of its end: `at` in ms, or now."""
        self.status, self.ended = status, None if status == "RUNNING" else at or now()
        self._write()

    def _add(self, metrics: Mapping[str, float], step: int) -> None:
        at = now()
        self.metrics += [Metric(name, value, at, step) for name, value in metrics.items()]
        self._write()

    def _write(self) -> None:
        content = dataclasses.asdict(self)
        del content["folder"]
        files.write_json(self.folder / "journal.json", content)


def folders(fingerprint: str = "*") -> list[Path]:
    """List the folders of all trainings, or those of one fingerprint, oldest first."""
    found = (location.repository() / RUNS).glob(f"{fingerprint}/*/journal.json")
    return sorted((path.parent for path in found), key=lambda folder: folder.name)


def readable(fingerprint: str = "*") -> list[Journal]:
    """Return the journals of all trainings, or those of one fingerprint, oldest first.

    A damaged one is left out, to stop no other: `sending.push_all` names it.
    """
    found = []
    for folder in folders(fingerprint):
        with suppress(InputError):
            found.append(Journal.read(folder))
    return found


def drop_states(fingerprint: str) -> None:
    """Forget where trainings of a fingerprint could go on from: they begin anew should they be wanted again."""
    for folder in folders(fingerprint):
        (folder / "state.npz").unlink(missing_ok=True)


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
        if journal.status == "RUNNING":
            journal.set_status("FINISHED")


@contextmanager
def appended(described: Description) -> Iterator[Journal]:
    """Open the newest journal of a finished training that DVC has recorded, or one made from what it left on disk."""
    finished = [journal for journal in readable(described.fingerprint) if journal.status == "FINISHED"]
    folder = (finished[-1] if finished else Journal.new(described, {"rebuilt": "true"}, "FINISHED")).folder
    with FileLock(folder / "owner.lock"):
        (folder / "state.npz").unlink(missing_ok=True)  # what the training made is recorded: nothing goes on from it
        journal = Journal.read(folder)
        journal.open()
        yield journal


def close_dead() -> None:
    """Mark as KILLED what is RUNNING by a process that is no more."""
    for folder in [journal.folder for journal in readable()]:
        with suppress(Timeout), FileLock(folder / "owner.lock", timeout=0):
            if (journal := Journal.read(folder)).status == "RUNNING":
                times = [metric.time for metric in journal.metrics]
                journal.set_status("KILLED", max(times, default=journal.started))


def now() -> int:
    """Return the time in ms since 1970, as MLflow counts it."""
    return int(time.time() * 1000)


@contextmanager
def _owned(described: Description, recorded: bool) -> Iterator[Journal]:
    machine = processor.machine()
    for known in reversed(readable(described.fingerprint)):
        try:
            owned = FileLock(known.folder / "owner.lock").acquire(timeout=0)
        except Timeout:  # another process is at it
            continue
        with owned:
            journal = Journal.read(known.folder)
            if not machine.items() <= journal.tags.items():
                continue
            if journal.status == "FINISHED" and (recorded or not (journal.folder / "state.npz").exists()):
                break  # what is older was given up
            _say_where(journal)
            yield journal
            return
    journal = Journal.new(described, machine | description.origin(), "RUNNING")
    with FileLock(journal.folder / "owner.lock"):
        yield journal


def _say_where(journal: Journal) -> None:
    """Say after which epoch a training goes on, if it has finished one."""
    state = journal.state()
    if state and "history/epoch" in state:  # a sweep has none
        name, epochs = journal.tags["dvc.stage"].partition("@")[2], journal.params["train.epochs"]
        print(f"{name}: goes on after epoch {len(state['history/epoch'])} of {epochs}", flush=True)
