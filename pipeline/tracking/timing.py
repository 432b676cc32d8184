"""What was measured of a training on this machine, by its newest journal, and so without MLflow."""

from pathlib import Path
from typing import Any

from pipeline import addons
from pipeline.base.errors import InputError
from pipeline.config.gate import Gate
from pipeline.config.schema import Training
from pipeline.config.section import leaves
from pipeline.tracking import fingerprints, folders, paths

SECONDS = "seconds_per_image"  # of the test split: what it takes depends on the machine, so metrics.json has no place


def seconds(fingerprint: str) -> float | None:
    """Return how many seconds the epochs of a training took, None where no journal tells it."""
    taken = _values(fingerprint, "epoch/seconds")
    return sum(taken) if taken else None


def measured(stage: str, metric: str) -> float:
    """Return what a stage such as `evaluate@vgg-42` measured here; raise `InputError` if it never ran here."""
    training, name = stage.partition("@")[2], metric.rpartition(".")[2]
    values = _values(fingerprints.of_lock(f"train@{training}"), metric)
    if not values:
        raise InputError(f"{stage} never ran here, so {name} is unknown: `dvc repro -s -f {stage}`")
    return values[-1]


def added(metrics: dict[str, Any], gate: Gate, training: Training, reports: Path = paths.REPORTS) -> dict[str, Any]:
    """Return metrics with what else the gate has limits for: the time that was measured here, and what add-ons make.

    Raise `InputError` where these are not on this machine.
    """
    asked = set(gate.metrics) - dict(leaves(metrics)).keys()
    if f"test.{SECONDS}" in asked:
        asked.remove(f"test.{SECONDS}")
        time = measured(f"evaluate@{training.name}", f"test.{SECONDS}")
        metrics = metrics | {"test": metrics.get("test", {}) | {SECONDS: time}}
    for add in addons.functions("checks", "metrics") if asked else []:
        metrics = metrics | add(training, asked, reports)
    return metrics


def _values(fingerprint: str, metric: str) -> list[float]:
    """Return the values of a metric by the newest journal of a training; none without one."""
    found = [*folders.readable(fingerprint).values()][-1:]
    return [value for record in found for value in record.values(metric.replace(".", "/"))]
