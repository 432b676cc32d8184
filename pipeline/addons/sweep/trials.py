"""The trials of a sweep, on disk in `.sweeps/<name>/trials.json`, written whole by the one process that drives it."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.addons.sweep.definition import Sweep
from pipeline.addons.sweep.space import Values
from pipeline.base import files
from pipeline.base.errors import InputError

RUNNING, COMPLETE, PRUNED, FAILED = "running", "complete", "pruned", "failed"


@dataclass(frozen=True)
class Trial:
    """One training of a sweep: its values, and once it has ended its scores, what it took, or why it failed.

    `epochs` holds what a pruner goes by, an epoch each; `threads` with how many it was trained, which decides about the
    last bits of its weights.
    """

    number: int
    values: Values
    fingerprint: str
    state: str = RUNNING
    scores: dict[str, float] = field(default_factory=dict)
    epochs: list[float] = field(default_factory=list)
    seconds: float = 0.0
    threads: int = 0
    reason: str | None = None

    def figures(self, sweep: Sweep) -> list[float]:
        """What the sweep chooses by, in its order."""
        return [self.scores[name] for name in sweep.objectives]


def folder(name: str) -> Path:
    """Return where a sweep keeps what it knows."""
    return Path(".sweeps", name)


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Drive a sweep as the only process; raise `InputError` if another is at it."""
    folder(name).mkdir(parents=True, exist_ok=True)
    try:
        owned = FileLock(folder(name) / "owner.lock").acquire(timeout=0)
    except Timeout:
        raise InputError(f"{folder(name)}: another process is at this sweep: wait for it, or end it") from None
    with owned:
        yield


def read(name: str, identity: str) -> list[Trial]:
    """Read the trials so far; raise `InputError` if they are of another space, model, data or code than `identity`."""
    path = folder(name) / "trials.json"
    if not path.exists():
        return []
    content = files.read_json(path)
    if content["identity"] != identity:
        raise InputError(
            f"{path}: the search space, the model, the data or the code changed since this sweep began: put back what "
            f"was, rename the sweep's file, or delete {folder(name)} to begin anew"
        )
    return [Trial(**trial) for trial in content["trials"]]


def write(name: str, identity: str, trials: list[Trial]) -> None:
    """Write all trials of a sweep."""
    entries = [dataclasses.asdict(trial) for trial in trials]
    files.write_json(folder(name) / "trials.json", {"identity": identity, "trials": entries})


def best(sweep: Sweep, trials: list[Trial]) -> list[Trial]:
    """List the complete trials that no other beats: the best one, or of several objectives the front.

    Of equal ones it is the first. They are in the order of the first objective, the best first.
    """
    rows = sorted((trial for trial in trials if trial.state == COMPLETE), key=lambda trial: costs(sweep, trial))
    front: list[Trial] = []
    for trial in rows:
        if not any(_dominates(costs(sweep, other), costs(sweep, trial)) for other in front):
            front.append(trial)
    return front


def costs(sweep: Sweep, trial: Trial) -> list[float]:
    """Return what the sweep chooses by, in its order, the less the better."""
    signs = [-1 if way == "maximize" else 1 for way in sweep.objectives.values()]
    return [sign * figure for sign, figure in zip(signs, trial.figures(sweep), strict=True)]


def _dominates(one: list[float], other: list[float]) -> bool:
    return all(mine <= yours for mine, yours in zip(one, other, strict=True))
