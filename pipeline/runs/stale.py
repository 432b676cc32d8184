"""Whether the results on disk are those of params.yaml and the code: by dvc.lock, without DVC and without the data."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.base import files
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.schema import Training
from pipeline.runs import fingerprints, lock
from pipeline.runs.lock import LOCK, StageLock

IN_GIT = ("pipeline/", "reports/")  # the rest is not in every clone


def told(trainings: Iterable[Training]) -> list[str]:
    """Say of each training that is stale, in a line, what has changed since it was evaluated."""
    stages, params, known = lock.read(), files.read_yaml(PARAMS_FILE), dict[str, str]()
    exported, lines = params.get("export", {}).get("models", []), []
    for training in trainings:
        names = [name.format(training.name) for name in ("fetch", "prepare", "train@{}", "evaluate@{}")]
        names += [f"export@{training.name}"] * (training.model in exported)
        if lost := [name for name in names if name not in stages and "@" in name]:
            lines.append(f"{LOCK} has no {lost[0]}: run `dvc repro`")
        elif found := _changed([stages[name] for name in names if name in stages], stages, params, known):
            lines.append(f"{', '.join(found)} changed since {training.name} was evaluated: run `dvc repro`")
    return lines


def keys(stages: Iterable[StageLock], params: dict[str, Any]) -> list[str]:
    """List the keys of params.yaml, by its content, that are not as the stages had them."""
    return sorted({key for stage in stages for key, value in stage.params.items() if _value(params, key) != value})


def _changed(
    chain: list[StageLock], stages: dict[str, StageLock], params: dict[str, Any], known: dict[str, str]
) -> list[str]:
    """List what is not as the stages of `chain` had it; `known` keeps the MD5s of what is on disk."""
    now = {path: md5 for stage in stages.values() for path, md5 in stage.outs.items()}  # as made last
    now |= _on_disk(chain, known)
    deps = [item for stage in chain for item in stage.deps.items()]
    outs = [item for stage in chain for item in stage.outs.items()]
    found = [path for path, md5 in deps + outs if now.get(path, md5) != md5]
    edited = keys(chain, params)
    return [f"{PARAMS_FILE} ({', '.join(edited)})"] * bool(edited) + list(dict.fromkeys(found))


def _on_disk(chain: list[StageLock], known: dict[str, str]) -> dict[str, str]:
    """Return the MD5s of what git keeps of what the stages read and made, and that is there."""
    paths = {path for stage in chain for path in stage.deps | stage.outs if path.startswith(IN_GIT)}
    for path in paths - known.keys():
        if Path(path).exists():
            known[path] = fingerprints.md5(Path(path))
    return known


def _value(params: Any, key: str) -> Any:
    for part in key.split("."):
        params = params.get(part) if isinstance(params, dict) else None
    return params
