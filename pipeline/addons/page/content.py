"""What the page's scripts need to know, as JSON: labels, predictions, curves, lists."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.addons.page.sprites import Sheet
from pipeline.config.schema import Training
from pipeline.evaluation.records import Evaluation, Evaluations

DECIMALS = 4
SHOWN = {  # of the tables that add-ons made, the columns that the page draws
    "coverage": ("coverage", "accuracy"),
    "reliability": ("confidence", "accuracy", "images"),
}


def content(evaluations: Evaluations, sheet: Sheet, lists: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Gather all that the scripts need; arrays of whole numbers travel as base64 of little-endian uint16.

    Every model has the number of a colour, and each of its trainings another of a dash.
    """
    first = next(iter(next(iter(evaluations.values())).values()))
    return {
        "classes": first.class_names,
        "labels": packed(first.test.labels),
        "lists": {title: table.to_dict("records") for title, table in lists.items()},
        "sheet": {"columns": sheet.columns, "height": sheet.height, "width": sheet.width},
        "trainings": [
            {"name": Training(model, seed).name, "colour": colour, "dash": colour + dash, **_training(evaluation)}
            for colour, (model, seeds) in enumerate(evaluations.items())
            for dash, (seed, evaluation) in enumerate(seeds.items())
        ],
    }


def packed(values: np.ndarray) -> str:
    """Write whole numbers as base64."""
    return base64.b64encode(values.astype("<u2").tobytes()).decode()


def _training(evaluation: Evaluation) -> dict[str, Any]:
    probabilities, tables = evaluation.test.probabilities, evaluation.tables
    found = {
        "confidence": packed(np.round(probabilities.max(axis=1).astype(float) * 10_000)),
        "history": _columns(evaluation.history),
        "per_class": _columns(evaluation.per_class),
        "predictions": packed(probabilities.argmax(axis=1)),
    }
    found |= {name: _columns(tables[name][list(columns)]) for name, columns in SHOWN.items() if name in tables}
    if "robustness" in tables:
        by_corruption = tables["robustness"].pivot_table("accuracy", "strength", "corruption", sort=False)
        found["robustness"] = _columns(by_corruption.assign(mean=by_corruption.mean(axis=1)))
    return found


def _columns(table: pd.DataFrame) -> dict[str, list[float | None]]:
    return {str(name): [_rounded(float(value)) for value in values] for name, values in table.items()}


def _rounded(value: float) -> float | None:
    return round(value, DECIMALS) if math.isfinite(value) else None  # JSON has no NaN, the loss of what diverged
