"""Metrics against the floors of `gate`."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.base.errors import InputError, unknown_key
from pipeline.config.schema import EVERY_MODEL, Params, leaves


@dataclass(frozen=True)
class Check:
    """One metric of one model beside its floor."""

    model: str
    metric: str
    value: float
    floor: float

    @property
    def passed(self) -> bool:
        """Whether the value is at its floor or above; no number is neither."""
        return self.value >= self.floor


def checks(params: Params, scores: dict[str, dict[str, Any]]) -> list[Check]:
    """List a check for every floor, a model's own in place of every model's.

    `scores` maps models to what their metrics.json holds. Raise `InputError` for a metric that is not there.
    """
    return [check for model in params.models for check in of_model(params, model, scores[model])]


def of_model(params: Params, model: str, scores: dict[str, Any]) -> list[Check]:
    """List the checks of one model, as `checks` does."""
    floors = dict(leaves(params.gate.get(EVERY_MODEL, {}))) | dict(leaves(params.gate.get(model, {})))
    values = dict(leaves(scores))
    for metric in floors:
        if metric not in values:
            raise InputError(f"params.yaml: gate: {unknown_key(metric, values)}")
    return [Check(model, metric, float(values[metric]), float(floor)) for metric, floor in floors.items()]


def table(found: list[Check]) -> pd.DataFrame:
    """Tabulate checks, the failed ones marked."""
    rows = [(check.model, check.metric, check.value, check.floor, _verdict(check)) for check in found]
    return pd.DataFrame(rows, columns=["model", "metric", "value", "floor", "verdict"])


def _verdict(check: Check) -> str:
    return "ok" if check.passed else "FAILED"
