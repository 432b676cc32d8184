"""What a training took on this machine, from its journal, without MLflow."""

from pathlib import Path
from typing import Any

from pipeline.addons.export.settings import TIMES
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.gate import Gate
from pipeline.config.schema import Training
from pipeline.tracking import fingerprints, folders, paths

SECONDS = "seconds_per_image"  # of the test split: what it takes depends on the machine, so metrics.json has no place


def seconds(fingerprint: str) -> float | None:
    """Return how many seconds the epochs of a training took, None where no journal tells it."""
    taken = _values(fingerprint, "epoch/seconds")
    return sum(taken) if taken else None


def added(scores: dict[str, Any], gate: Gate, training: Training, reports: Path = paths.REPORTS) -> dict[str, Any]:
    """Return scores with what else the gate asks for: what `export` found, and the times that were measured here.

    Raise `InputError` where these are not on this machine.
    """
    if any(metric.startswith("exports.") for metric in gate.metrics):
        scores = scores | {"exports": files.read_json(paths.metrics(training, reports).with_name("exports.json"))}
    for metric in gate.metrics:
        parts = metric.split(".")
        if parts[-1] in TIMES:
            stage = f"{'export' if parts[0] == 'exports' else 'evaluate'}@{training.name}"
            measured = _values(fingerprints.of_lock(f"train@{training.name}"), "/".join(parts))
            if not measured:
                raise InputError(f"{stage} never ran here, so {parts[-1]} is unknown: `dvc repro -s -f {stage}`")
            scores = _with(scores, parts, measured[-1])
    return scores


def _with(tree: dict[str, Any], path: list[str], value: float) -> dict[str, Any]:
    first, *rest = path
    return tree | {first: _with(tree.get(first, {}), rest, value) if rest else value}


def _values(fingerprint: str, name: str) -> list[float]:
    """Return the values of a metric, named as in MLflow, by the newest journal of a training; none without one."""
    found = [*folders.readable(fingerprint).values()][-1:]
    return [metric.value for record in found for metric in record.metrics if metric.name == name]
