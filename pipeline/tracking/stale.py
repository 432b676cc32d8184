"""Whether stages are fresh, and what has changed if not: by dvc.lock, in a clone without data too.

DVC itself would take two to three times as long as all of `gate`. In such a clone, `dvc status` lists all data as
deleted, and `dvc repro --dry --allow-missing` fails at the first stage that has changed, without a reason.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.schema import Training
from pipeline.config.section import at
from pipeline.tracking import fingerprints, lock
from pipeline.tracking.fingerprints import PIPELINE
from pipeline.tracking.lock import CODE, LOCK, StageLock

REPORTS = "reports/"  # which git keeps, as it does code
PARAMS = f"{PARAMS_FILE}:"  # before a key, as DVC writes it


def changes(
    stages: Iterable[str],
    read: Collection[str] = (),
    params: Mapping[str, Any] | None = None,
    md5: Callable[[Path], str] = fingerprints.md5,
) -> list[str]:
    """List what has changed since DVC ran these stages, params as in `params.yaml:train`, and paths.

    A stage that never ran is passed over. Data that git does not keep counts as DVC made it last; of the stages `read`
    it is read from disk: raise `InputError` where it is missing. `params` is the content of params.yaml.
    """
    known, params = lock.read(), files.read_yaml(PARAMS_FILE) if params is None else params
    made = {path: digest for stage in known.values() for path, digest in stage.outs.items()}

    def now(path: str, stage: str) -> str | None:
        """Return the MD5 that counts for a path of a stage; None where nobody knows one."""
        there = Path(path).exists()
        if path.startswith(CODE) and not there:
            return "deleted"
        if stage in read or path.startswith(CODE) or (path.startswith(REPORTS) and there):
            return md5(Path(path))
        return made.get(path)  # also for a report that is gone: whoever reads it says so

    found = []
    for stage in [known[name] for name in stages if name in known]:
        found += [f"{PARAMS}{key}" for key, then in stage.params.items() if at(params, key) != then]
        found += [path for path, then in (stage.deps | stage.outs).items() if now(path, stage.name) not in (then, None)]
    return list(dict.fromkeys(found))


def on_disk(stage: str) -> StageLock | None:
    """Return a stage as dvc.lock has it if its params, and all data on disk, are as they were then, else None."""
    with suppress(InputError):  # some is missing
        if all(change.startswith(CODE) for change in changes([stage], [stage])):
            return lock.read().get(stage)
    return None


def reasons(trainings: Iterable[Training], also: Iterable[str] = (), *, read: bool = False) -> list[str]:
    """Say of each training that is stale, in a line, what has changed since it was evaluated.

    `also` names stages that count for each of them. With `read`, data, model and evaluation have to be there as they
    were then; raise `InputError` where one is missing.
    """
    params, defined, known = files.read_yaml(PARAMS_FILE), files.read_yaml(PIPELINE)["stages"], lock.read()
    md5, lines = cache(fingerprints.md5), []  # many trainings depend on the same code
    for training in trainings:
        own = _stages_of(training, defined, params)
        ours = [f"{stage}@{training.name}" for stage in ("train", "evaluate")] if read else []
        changed = changes(["fetch", "prepare", *own, *also], ours, params, md5)
        if never_ran := [stage for stage in own if stage not in known]:
            lines.append(f"{LOCK} has no {never_ran[0]}: run `dvc repro`")
        elif changed:
            lines.append(f"{', '.join(changed)} changed since {training.name} was evaluated: run `dvc repro`")
    return lines


def _stages_of(training: Training, defined: dict[str, Any], params: dict[str, Any]) -> list[str]:
    """List a training's stages: of those that dvc.yaml has for each model and seed, the ones that its model is in."""
    found = []
    for name, stage in defined.items():
        matrix = stage.get("matrix", {})
        if matrix.keys() == {"model", "seed"} and training.model in (at(params, matrix["model"].strip("${}")) or ()):
            found.append(f"{name}@{training.name}")
    return found
