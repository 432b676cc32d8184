"""One name for a training: SHA-256 of its params and of the MD5s of everything it depends on.

dvc.lock holds the same params and MD5s, so that a run and the bytes it made find each other from either side.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.errors import InputError
from pipeline.params import PARAMS_FILE


def of_stage(stage: str) -> str:
    """Return the fingerprint, 64 hexadecimal digits, of a stage such as `train@vgg` as its inputs are on disk now."""
    name, _, key = stage.partition("@")
    definition = files.read_yaml(Path("dvc.yaml"))["stages"][name]["do"]
    deps, keys = ([item.replace("${key}", key) for item in definition[part]] for part in ("deps", "params"))
    values = files.read_yaml(PARAMS_FILE)
    return _fingerprint({dep: md5(Path(dep)) for dep in deps}, {key: _value(values, key) for key in keys})


def of_lock(stage: str, lock: Path = Path("dvc.lock")) -> str:
    """Return the fingerprint of a stage as it was last run, by dvc.lock; raise `InputError` if it never was."""
    if (found := recorded(stage, lock)) is None:
        raise InputError(f"{lock} has no {stage}: run `dvc repro {stage}` first")
    return found


def recorded(stage: str, lock: Path = Path("dvc.lock")) -> str | None:
    """Return the fingerprint of a stage as it was last run, by dvc.lock, or None if it never was."""
    entry = files.read_yaml(lock)["stages"].get(stage) if lock.exists() else None
    return of_entry(entry) if entry else None


def of_entry(entry: dict[str, Any]) -> str:
    """Return the fingerprint of a stage from its entry in a dvc.lock."""
    return _fingerprint({dep["path"]: dep["md5"] for dep in entry["deps"]}, entry["params"][PARAMS_FILE.name])


def require(stage: str, before: str) -> None:
    """Raise `InputError` unless a stage's inputs are still what they were: DVC would record the present ones."""
    if of_stage(stage) != before:
        raise InputError(f"the params, code or data of {stage} changed while it ran: run `dvc repro` again")


def md5(path: Path) -> str:
    """Return a file's MD5 as DVC has it; raise `InputError` if it is missing."""
    if not path.is_file():
        raise InputError(f"{path} is missing: `dvc repro` makes it")
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _fingerprint(md5s: dict[str, str], values: dict[str, Any]) -> str:
    content = json.dumps({"deps": md5s, "params": values}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _value(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values
