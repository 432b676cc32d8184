"""What the gate can ask of exported networks, as `exports.litert.accuracy`."""

from collections.abc import Collection
from typing import Any

from pipeline.base import files
from pipeline.config.schema import Training
from pipeline.tracking import paths


def metrics(training: Training, asked: Collection[str]) -> dict[str, Any]:
    """Read exports.json if one of its metrics is asked for."""
    if not any(name.startswith("exports.") for name in asked):
        return {}
    return {"exports": files.read_json(paths.metrics(training).with_name("exports.json"))}
