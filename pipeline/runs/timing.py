"""What a training took on this machine, from its journal, without MLflow."""

from pipeline.base import files
from pipeline.runs import location


def seconds(fingerprint: str) -> float | None:
    """Return how many seconds the epochs of a training took, None where no journal tells it."""
    taken = _values(fingerprint, "epoch/seconds")
    return sum(taken) if taken else None


def figure(fingerprint: str, name: str) -> float | None:
    """Return the last value of a training's metric, named as in MLflow, None where no journal tells it."""
    values = _values(fingerprint, name)
    return values[-1] if values else None


def _values(fingerprint: str, name: str) -> list[float]:
    found = sorted(location.journals().glob(f"{fingerprint}/*/journal.json"))
    metrics = files.read_json(found[-1])["metrics"] if found else []
    return [value for metric, value, *_ in metrics if metric == name]
