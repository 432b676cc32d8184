"""What the gate can ask of exported networks, as `exports.litert.accuracy`."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.addons.export.settings import FIGURES
from pipeline.base import files
from pipeline.config.schema import Params, Training
from pipeline.tracking import paths


def metric_names(params: Params) -> list[str]:
    """List the metrics of each format that is asked for."""
    export = params.section("export")
    formats = export.formats if export.models else []
    return [f"exports.{name}.{metric}" for name in formats for metric in FIGURES]


def metrics(training: Training, asked: Collection[str], reports: Path) -> dict[str, Any]:
    """Read exports.json if one of its metrics is asked for."""
    if not any(name.startswith("exports.") for name in asked):
        return {}
    return {"exports": files.read_json(paths.metrics(training, reports).with_name("exports.json"))}
