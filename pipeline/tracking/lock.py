"""The one reader of dvc.lock: what each stage read and made when DVC ran it last."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.base import files

LOCK = Path("dvc.lock")
CODE = "pipeline/"  # begins the paths of code


@dataclass(frozen=True)
class StageLock:
    """A stage as DVC ran it last: name, command, params, and MD5s by path of what it read (`deps`), made (`outs`)."""

    name: str
    cmd: str
    deps: dict[str, str]
    outs: dict[str, str]
    params: dict[str, Any]


def read(path: Path = LOCK) -> dict[str, StageLock]:
    """Return every stage of a dvc.lock by its name, as `train@vgg-42`; none where the file is missing."""
    return parse(path.read_text("utf-8"), str(path)) if path.exists() else {}


@lru_cache(maxsize=1)  # it takes a tenth of a second
def parse(text: str, source: str) -> dict[str, StageLock]:
    """Return every stage of a dvc.lock's text, as `read` does; messages begin with `source`."""
    return {name: _stage(name, entry) for name, entry in files.parse_yaml(text, source)["stages"].items()}


def _stage(name: str, entry: dict[str, Any]) -> StageLock:
    deps, outs = ({item["path"]: item["md5"] for item in entry.get(part, [])} for part in ("deps", "outs"))
    return StageLock(name, entry["cmd"], deps, outs, entry.get("params", {}).get("params.yaml", {}))
