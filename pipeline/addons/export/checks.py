"""What the gate can ask of exported networks, as `exports.litert.accuracy`."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.addons.export.settings import FIGURES, TIMES
from pipeline.base import files
from pipeline.config.schema import Params, Training
from pipeline.tracking import paths, timing


def metric_names(params: Params) -> list[str]:
    """List the metrics of each format that is asked for."""
    export = params.section("export")
    formats = export.formats if export.models else []
    return [f"exports.{name}.{metric}" for name in formats for metric in (*FIGURES, *TIMES)]


def metrics(training: Training, asked: Collection[str], reports: Path) -> dict[str, Any]:
    """Read exports.json, and the times that are asked for; raise `InputError` where they are not on this machine."""
    asked = [name for name in asked if name.startswith("exports.")]
    if not asked:
        return {}
    found = files.read_json(paths.metrics(training, reports).with_name("exports.json"))
    for name in asked:
        kind, _, metric = name.removeprefix("exports.").partition(".")
        if metric in TIMES:
            found[kind] = found.get(kind, {}) | {metric: timing.measured(f"export@{training.name}", name)}
    return {"exports": found}
