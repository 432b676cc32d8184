"""The one reader of dvc.lock: what each stage read and made when DVC ran it last."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base import files

if TYPE_CHECKING:
    from pipeline.config.schema import Training  # for real it would bring pydantic, for a tenth of a second

LOCK = Path("dvc.lock")


@dataclass(frozen=True)
class StageLock:
    """A stage as DVC ran it last: name, command, params, and MD5s by path of what it read (`deps`), made (`outs`)."""

    name: str
    cmd: str
    deps: dict[str, str]
    outs: dict[str, str]
    params: dict[str, Any]

    def data(self) -> dict[Path, str]:
        """Return the MD5s, by path, of what the stage read and made, code aside."""
        return {Path(path): md5 for path, md5 in (self.deps | self.outs).items() if not path.startswith("pipeline/")}


def read(path: Path = LOCK) -> dict[str, StageLock]:
    """Return every stage of a dvc.lock by its name, as `train@vgg-42`; none where the file is missing."""
    return parse(path.read_text("utf-8"), str(path)) if path.exists() else {}


def parse(text: str, source: str) -> dict[str, StageLock]:
    """Return every stage of a dvc.lock's text, as `read` does; messages begin with `source`."""
    return {name: _stage(name, entry) for name, entry in files.parse_yaml(text, source)["stages"].items()}


def trained(training: "Training") -> tuple[StageLock, StageLock] | None:
    """Return a training's `train` and `evaluate` as they ran last, or None if one of them never did."""
    stages = read()
    train, evaluate = stages.get(f"train@{training.name}"), stages.get(f"evaluate@{training.name}")
    return (train, evaluate) if train and evaluate else None


def _stage(name: str, entry: dict[str, Any]) -> StageLock:
    deps, outs = ({item["path"]: item["md5"] for item in entry.get(part, [])} for part in ("deps", "outs"))
    return StageLock(name, entry["cmd"], deps, outs, entry.get("params", {}).get("params.yaml", {}))
