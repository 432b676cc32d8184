"""What the page's scripts need to know, as JSON: labels, predictions, curves, lists."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.addons.page.sprites import Sheet
from pipeline.evaluation import comparison
from pipeline.evaluation.records import Evaluation, Evaluations

DECIMALS = 4
SHOWN = {  # of the tables that add-ons made, the columns that the page draws
    "coverage": ("coverage", "accuracy"),
    "reliability": ("confidence", "accuracy", "images"),
}


def content(evaluations: Evaluations, sheet: Sheet, lists: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Gather all that the scripts need; arrays of whole numbers travel as base64 of little-endian uint16."""
    trainings = comparison.by_training(evaluations)
    first = next(iter(trainings.values()))
    return {
        "classes": first.class_names,
        "labels": packed(first.test.labels),
        "lists": {title: table.to_dict("records") for title, table in lists.items()},
        "sheet": {
            "columns": sheet.columns,
            "height": sheet.height,
            "numbers": packed(sheet.numbers, "<u4"),
            "width": sheet.width,
        },
        "trainings": [
            {"name": name, **look, **_training(evaluation)}
            for (name, evaluation), look in zip(trainings.items(), _looks(evaluations), strict=True)
        ],
    }


def packed(values: np.ndarray, dtype: str = "<u2") -> str:
    """Write whole numbers as base64."""
    return base64.b64encode(values.astype(dtype).tobytes()).decode()


def _looks(evaluations: Evaluations) -> list[dict[str, int]]:
    """Give every model the number of a colour, and each of its trainings another of a dash."""
    seeds = [len(by_seed) for by_seed in evaluations.values()]
    return [{"colour": model, "dash": model + seed} for model, count in enumerate(seeds) for seed in range(count)]


def _training(evaluation: Evaluation) -> dict[str, Any]:
    test = evaluation.test
    made = {
        "confidence": packed(np.round(test.probabilities.max(axis=1).astype(float) * 10_000)),
        "history": _columns(evaluation.history),
        "per_class": _columns(evaluation.per_class),
        "predictions": packed(test.probabilities.argmax(axis=1)),
    }
    tables = {name: evaluation.tables[name][list(keys)] for name, keys in SHOWN.items() if name in evaluation.tables}
    columns = {name: _columns(table) for name, table in tables.items()}
    robustness = evaluation.tables.get("robustness")
    return made | columns | ({} if robustness is None else {"robustness": _by_corruption(robustness)})


def _by_corruption(robustness: pd.DataFrame) -> dict[str, list[float | None]]:
    """Return the accuracies by strength of each corruption, and their mean."""
    table = robustness.pivot_table("accuracy", "strength", "corruption", sort=False)
    return _columns(table.assign(mean=table.mean(axis=1)))


def _columns(table: pd.DataFrame) -> dict[str, list[float | None]]:
    return {str(name): [_rounded(float(value)) for value in values] for name, values in table.items()}


def _rounded(value: float) -> float | None:
    return round(value, DECIMALS) if math.isfinite(value) else None  # JSON has no NaN, the loss of what diverged
