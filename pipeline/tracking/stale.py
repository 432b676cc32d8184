"""Whether the results on disk are those of params.yaml and the code: by dvc.lock, without DVC and without the data."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pipeline.base import files
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.schema import Training
from pipeline.config.section import at
from pipeline.tracking import fingerprints, lock
from pipeline.tracking.lock import LOCK, StageLock

IN_GIT = ("pipeline/", "reports/")  # the rest is not in every clone


def told(trainings: Iterable[Training], also: Collection[str] = ()) -> list[str]:
    """Say of each training that is stale, in a line, what has changed since it was evaluated.

    `also` names stages that count for each of them.
    """
    stages, params = lock.read(), files.read_yaml(PARAMS_FILE)
    exported, now, lines = params.get("export", {}).get("models", []), _md5s(stages.values()), []
    for training in trainings:
        names = [name.format(training.name) for name in ("fetch", "prepare", "train@{}", "evaluate@{}", *also)]
        names += [f"export@{training.name}"] * (training.model in exported)
        if lost := [name for name in names if name not in stages and "@" in name]:
            lines.append(f"{LOCK} has no {lost[0]}: run `dvc repro`")
        elif found := _changed([stages[name] for name in names if name in stages], now, params):
            lines.append(f"{', '.join(found)} changed since {training.name} was evaluated: run `dvc repro`")
    return lines


def keys(stages: Iterable[StageLock], params: dict[str, Any]) -> list[str]:
    """List the keys of params.yaml, by its content, that are not as the stages had them."""
    return sorted({key for stage in stages for key, value in stage.params.items() if at(params, key) != value})


def _changed(chain: list[StageLock], now: dict[str, str], params: dict[str, Any]) -> list[str]:
    """List what is not as the stages of `chain` had it."""
    deps = [item for stage in chain for item in stage.deps.items()]
    outs = [item for stage in chain for item in stage.outs.items()]
    found = [path for path, md5 in deps + outs if now.get(path, md5) != md5]
    edited = keys(chain, params)
    return [f"{PARAMS_FILE} ({', '.join(edited)})"] * bool(edited) + list(dict.fromkeys(found))


def _md5s(stages: Collection[StageLock]) -> dict[str, str]:
    """Return MD5s by path of what the stages read and made: as made last, and what git keeps as it is on disk."""
    made = {path: md5 for stage in stages for path, md5 in stage.outs.items()}
    kept = {path for stage in stages for path in stage.deps | stage.outs if path.startswith(IN_GIT)}
    return made | {path: fingerprints.md5(Path(path)) for path in kept if Path(path).exists()}
