"""Metrics against the floors of `gate`."""

import itertools
import statistics
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.base.errors import InputError, unknown_key
from pipeline.config.schema import EVERY_MODEL, Params, leaves


@dataclass(frozen=True)
class Check:
    """One metric of one model, a value for each of its seeds, beside its floor."""

    model: str
    metric: str
    values: tuple[float, ...]
    floor: float

    @property
    def value(self) -> float:
        """The mean over the seeds."""
        return sum(self.values) / len(self.values)

    @property
    def passed(self) -> bool:
        """Whether the mean is at its floor or above; no number is neither."""
        return self.value >= self.floor


def checks(params: Params, scores: dict[str, list[dict[str, Any]]]) -> list[Check]:
    """List a check for every floor, a model's own in place of every model's.

    `scores` maps models to `Evaluation.all_scores` of each of their seeds. Raise `InputError` for a metric that is not
    there.
    """
    return [check for model in params.models for check in of_model(params, model, scores[model])]


def of_model(params: Params, model: str, scores: list[dict[str, Any]]) -> list[Check]:
    """List the checks of one model, as `checks` does."""
    floors = dict(leaves(params.gate.get(EVERY_MODEL, {}))) | dict(leaves(params.gate.get(model, {})))
    by_seed = [dict(leaves(values)) for values in scores]
    for metric, values in itertools.product(floors, by_seed):
        if metric not in values:
            raise InputError(f"params.yaml: gate: {unknown_key(metric, values)}")
    return [
        Check(model, metric, tuple(float(values[metric]) for values in by_seed), float(floor))
        for metric, floor in floors.items()
    ]


def table(found: list[Check]) -> pd.DataFrame:
    """Tabulate checks, the failed ones marked; of several seeds, with the mean, its deviation and every value."""
    return pd.DataFrame([_row(check) for check in found])


def _row(check: Check) -> dict[str, Any]:
    row: dict[str, Any] = {"model": check.model, "metric": check.metric, "value": check.value}
    if len(check.values) > 1:
        row |= {"deviation": statistics.stdev(check.values), "of each seed": ", ".join(map(_four, check.values))}
    return row | {"floor": check.floor, "verdict": _verdict(check)}


def _four(value: float) -> str:
    return f"{value:.4f}"


def _verdict(check: Check) -> str:
    return "ok" if check.passed else "FAILED"
