"""One name for a training: SHA-256 of its stage and command, its params and the MD5s of everything it depends on.

dvc.lock holds the same, so that a run and the bytes it made find each other from either side.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

from pipeline.base import files
from pipeline.base.errors import InputError, short
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.section import at
from pipeline.tracking import lock
from pipeline.tracking.lock import LOCK, StageLock

PIPELINE, IGNORED = Path("dvc.yaml"), Path(".dvcignore")


def of_stage(stage: str, params: dict[str, Any] | None = None) -> str:
    """Return the fingerprint, 64 hexadecimal digits, of a stage such as `train@vgg-42` as its deps are on disk now.

    `params` stands for the content of params.yaml, where that shall have it later.
    """
    name, _, key = stage.partition("@")
    definition = files.read_yaml(PIPELINE)["stages"][name]
    cmd, deps, keys = (_resolved(definition[part], key) for part in ("cmd", "deps", "params"))
    params = files.read_yaml(PARAMS_FILE) if params is None else params
    now = {dep: md5(Path(dep)) for dep in deps}
    return of_stage_lock(StageLock(stage, cmd, now, {}, {key: at(params, key) for key in keys}))


def of_lock(stage: str) -> str:
    """Return the fingerprint of a stage as it was last run, by dvc.lock; raise `InputError` if it never was."""
    if (found := recorded(stage)) is None:
        raise InputError(f"{LOCK} has no {stage}: run `dvc repro {stage}` first")
    return found


def recorded(stage: str) -> str | None:
    """Return the fingerprint of a stage as it was last run, by dvc.lock, or None if it never was."""
    found = lock.read().get(stage)
    return of_stage_lock(found) if found else None


def of_stage_lock(stage: StageLock) -> str:
    """Return the fingerprint of a stage as dvc.lock has it."""
    content = {"stage": stage.name, "cmd": stage.cmd, "deps": stage.deps, "params": stage.params}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def require_unchanged(stage: str, fingerprint: str, since: str = "while it ran") -> None:
    """Raise `InputError` unless a stage's fingerprint still is `fingerprint`: DVC would record the present one.

    `since` says in the message when it changed.
    """
    if of_stage(stage) != fingerprint:
        raise InputError(
            f"the params, code or data of {stage} changed {since}: put back what was (`dvc exp run -S` edits "
            f"{PARAMS_FILE}) and `dvc repro` loses nothing, or leave it and `dvc repro` begins anew"
        )


def md5(path: Path) -> str:
    """Return the MD5 of a file or a folder as DVC has it; raise `InputError` if it is missing.

    A folder's is that of a JSON list of its files, each with its MD5, but for those that .dvcignore names.
    """
    if not path.is_dir():
        return files.md5(path)
    ignored = GitIgnoreSpec.from_lines(IGNORED.read_text("utf-8").splitlines() if IGNORED.exists() else [])
    kept = [file for file in path.rglob("*") if file.is_file() and not ignored.match_file(file)]
    listed = sorted((file.relative_to(path).as_posix(), files.md5(file)) for file in kept)
    content = json.dumps([{"md5": digest, "relpath": name} for name, digest in listed])
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _resolved(part: Any, key: str) -> Any:
    """Put a model and a seed, joined in `key` as DVC's matrix does it, in their places."""
    if isinstance(part, list):
        return [_resolved(item, key) for item in part]
    if not isinstance(part, str):
        raise InputError(f"dvc.yaml: {short(part)}: a fingerprint is of params.yaml alone: write the key as text")
    found = part.replace("${key}", key).replace("${item.model}", key.rpartition("-")[0])
    if "${" in found:
        raise InputError(f"dvc.yaml: {part}: a fingerprint knows ${{key}} and ${{item.model}}: use these")
    return found
