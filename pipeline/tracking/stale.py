"""Whether stages are fresh, and what has changed if not: by dvc.lock, in a clone without data too.

DVC itself would take two to three times as long as all of `gate`. In such a clone, `dvc status` lists all data as
deleted, and `dvc repro --dry --allow-missing` fails at the first stage that has changed, without a reason.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
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

IN_GIT = (CODE, "reports/")  # the rest is not in every clone
PARAMS = f"{PARAMS_FILE}:"  # before a key, as DVC writes it


def changes(
    stages: Iterable[str], read: Collection[str] = (), params: Mapping[str, Any] | None = None
) -> dict[str, list[str]]:
    """List, by stage, what has changed since DVC ran it: nothing if it is fresh; one that never ran is left out.

    That is params, as in `params.yaml:train`, and paths. Data that git does not keep counts as DVC made it last; of the
    stages `read` it is read from disk: raise `InputError` where it is missing. `params` is the content of params.yaml.
    """
    known, params = lock.read(), files.read_yaml(PARAMS_FILE) if params is None else params
    ran = [known[name] for name in stages if name in known]
    kept = {path for stage in ran for path in stage.deps | stage.outs if path.startswith(IN_GIT)}
    gone = {path for path in kept if not Path(path).exists()}
    needed = {str(path) for stage in ran if stage.name in read for path in stage.data()}
    now = {path: then for stage in known.values() for path, then in stage.outs.items()}
    now |= {path: fingerprints.md5(Path(path)) for path in (kept - gone) | needed}
    now |= {path: "deleted" for path in gone if path.startswith(CODE)}
    found = {}
    for stage in ran:
        edited = [f"{PARAMS}{key}" for key, then in stage.params.items() if at(params, key) != then]
        paths = [path for path, then in (stage.deps | stage.outs).items() if now.get(path, then) != then]
        found[stage.name] = edited + paths
    return found


def on_disk(stage: str) -> StageLock | None:
    """Return a stage as dvc.lock has it if all data that it read and made is on disk as it was then, else None."""
    with suppress(InputError):  # some is missing
        changed = changes([stage], [stage])
        if stage in changed and all(change.startswith((PARAMS, CODE)) for change in changed[stage]):
            return lock.read()[stage]
    return None


def reasons(trainings: Iterable[Training], also: Iterable[str] = (), *, read: bool = False) -> list[str]:
    """Say of each training that is stale, in a line, what has changed since it was evaluated.

    `also` names stages that count for each of them. With `read`, data, model and evaluation have to be there as they
    were then; raise `InputError` where one is missing.
    """
    params, defined = files.read_yaml(PARAMS_FILE), files.read_yaml(PIPELINE)["stages"]
    chains = {training.name: ["fetch", "prepare", *_of(training, defined, params), *also] for training in trainings}
    ours = [f"{stage}@{name}" for name in chains for stage in ("train", "evaluate")] if read else []
    found, lines = changes(dict.fromkeys(stage for chain in chains.values() for stage in chain), ours, params), []
    for name, chain in chains.items():
        changed = dict.fromkeys(change for stage in chain for change in found.get(stage, []))
        if never_ran := [stage for stage in chain if stage.endswith(f"@{name}") and stage not in found]:
            lines.append(f"{LOCK} has no {never_ran[0]}: run `dvc repro`")
        elif changed:
            lines.append(f"{', '.join(changed)} changed since {name} was evaluated: run `dvc repro`")
    return lines


def _of(training: Training, defined: dict[str, Any], params: dict[str, Any]) -> list[str]:
    """List a training's stages: of those that dvc.yaml has for each model and seed, the ones that its model is in."""
    matrices = {name: stage.get("matrix", {}) for name, stage in defined.items()}
    keys = {name: matrix["model"].strip("${}") for name, matrix in matrices.items() if {*matrix} == {"model", "seed"}}
    return [f"{name}@{training.name}" for name, key in keys.items() if training.model in (at(params, key) or ())]
