"""The folder of each training, `.runs/<fingerprint>/<start>-<process>/`, and the files in it that say how things stand.

It lies in the main repository, outside DVC's outs: `journal.json` tells what happened, `pushed.json` what each store
has got of that, `state.npz` how far the network is, and `files/` holds what MLflow shall get.
"""

import dataclasses
import json
import os
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.tracking import location
from pipeline.tracking.description import Description


class Metric(NamedTuple):
    """One value of a metric, as MLflow has it: `time` in ms, `step` the epoch, 0 for a final one."""

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
    def latest(self) -> dict[str, float]:
        """The last value of each metric, by name."""
        return {metric.name: metric.value for metric in self.metrics}

    @property
    def epochs(self) -> int:
        """How many epochs are known."""
        return max((metric.step for metric in self.metrics), default=0)

    def values(self, name: str) -> list[float]:
        """Return every value of a metric, in order."""
        return [metric.value for metric in self.metrics if metric.name == name]


@dataclass
class Sent:
    """What a store has got of a journal, and `journal`, the MD5 of the journal that it has got whole."""

    run_id: str | None = None
    experiment: str | None = None
    description: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    journal: str | None = None


def everything(fingerprint: str = "*") -> list[Path]:
    """List the folders of all trainings, or those of one fingerprint, oldest first."""
    found = location.journals().glob(f"{fingerprint}/*/journal.json")
    return sorted((path.parent for path in found), key=lambda folder: folder.name)


def readable(fingerprint: str = "*") -> dict[Path, Record]:
    """Return the journals of all trainings, or those of one fingerprint, by their folders, oldest first.

    A damaged one is left out, to stop no other: `sending.push_all` names it.
    """
    found = {}
    for folder in everything(fingerprint):
        with suppress(InputError):
            found[folder] = read(folder)
    return found


def new(described: Description, tags: dict[str, str], status: str) -> Path:
    """Make the folder of a training that begins now, with its journal, and return it."""
    started = now()
    folder = location.journals() / described.fingerprint / f"{started}-{os.getpid()}"
    known = dataclasses.asdict(described) | {"tags": described.tags | tags}
    ended = None if status == "RUNNING" else started
    write(folder, Record(**known, training=uuid.uuid4().hex, status=status, started=started, ended=ended))
    return folder


def read(folder: Path) -> Record:
    """Read a folder's journal; raise `InputError` for a damaged one."""
    path = folder / "journal.json"
    try:
        content = json.loads(path.read_bytes())
        return Record(**content | {"metrics": [Metric(*metric) for metric in content["metrics"]]})
    except (OSError, ValueError, TypeError, KeyError) as error:
        remedy = "delete its folder, and `python -m pipeline tracking sync` makes what is on disk a run of its own"
        raise InputError(f"{path} is damaged ({error!r:.80}): {remedy}") from None


def write(folder: Path, record: Record) -> None:
    """Write a folder's journal."""
    files.write_json(folder / "journal.json", dataclasses.asdict(record))


def read_sent(folder: Path, store: str) -> Sent:
    """Read what a store has got of a folder's journal."""
    return _pushed(folder).get(store, Sent())


def write_sent(folder: Path, store: str, sent: Sent) -> None:
    """Note what a store has got of a folder's journal."""
    known = _pushed(folder) | {store: sent}
    files.write_json(folder / "pushed.json", {name: dataclasses.asdict(got) for name, got in known.items()})


def sent(folder: Path, store: str) -> bool:
    """Tell whether a store has got a folder's journal whole, as it now is."""
    return read_sent(folder, store).journal == files.md5(folder / "journal.json")


def attached(folder: Path, name: str, digest: str) -> Path:
    """Return where the file lies that MLflow shall have under a name, by its MD5."""
    return folder / "files" / digest / Path(name).name


def attaching(folder: Path) -> FileLock:
    """Return the lock under which files are attached; whoever removes them holds it, to remove none of a moment ago."""
    return FileLock(folder / "files.lock")


def drop_states(fingerprint: str) -> None:
    """Forget where trainings of a fingerprint could go on from: they begin anew should they be wanted again."""
    for folder in everything(fingerprint):
        (folder / "state.npz").unlink(missing_ok=True)


def now() -> int:
    """Return the time in ms since 1970, as MLflow counts it."""
    return int(time.time() * 1000)


def _pushed(folder: Path) -> dict[str, Sent]:
    """Read what the stores have got; where that is lost or damaged nothing, for what is sent again changes nothing."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        known = json.loads((folder / "pushed.json").read_bytes())
        fields = {field.name for field in dataclasses.fields(Sent)}
        return {store: Sent(**{key: got[key] for key in fields & got.keys()}) for store, got in known.items()}
    return {}
