"""What a training took on this machine, from its journal, without MLflow."""

from typing import Any

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.gate import Gate
from pipeline.config.schema import Training
from pipeline.config.section import leaves
from pipeline.runs import fingerprints, location

SECONDS = "seconds_per_image"  # of the test split: what it takes depends on the machine, so metrics.json has no place


def seconds(fingerprint: str) -> float | None:
    """Return how many seconds the epochs of a training took, None where no journal tells it."""
    taken = _values(fingerprint, "epoch/seconds")
    return sum(taken) if taken else None


def figure(fingerprint: str, name: str) -> float | None:
    """Return the last value of a training's metric, named as in MLflow, None where no journal tells it."""
    values = _values(fingerprint, name)
    return values[-1] if values else None


def added(scores: dict[str, Any], gate: Gate, training: Training) -> dict[str, Any]:
    """Return scores with the seconds an image that `evaluate` measured, if the gate asks for them.

    Raise `InputError` where that was not on this machine.
    """
    if not any(path.endswith(SECONDS) for path, _ in leaves(gate.model_dump(exclude_unset=True))):
        return scores
    stage = f"evaluate@{training.name}"
    measured = figure(fingerprints.of_lock(f"train@{training.name}"), f"test/{SECONDS}")
    if measured is None:
        raise InputError(f"{stage} never ran here, so {SECONDS} is unknown: `dvc repro -s -f {stage}`")
    return scores | {"test": scores["test"] | {SECONDS: measured}}


def _values(fingerprint: str, name: str) -> list[float]:
    found = sorted(location.journals().glob(f"{fingerprint}/*/journal.json"))
    metrics = files.read_json(found[-1])["metrics"] if found else []
    return [value for metric, value, *_ in metrics if metric == name]
