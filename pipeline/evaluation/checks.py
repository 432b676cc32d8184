"""The checks of `gate`: metrics against their limits."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd

from pipeline.base.errors import InputError, unknown_key
from pipeline.config.gate import Bounds, Gate
from pipeline.config.section import leaves

ACCURACY = "test.accuracy"
MustBe = Literal["≥", "≤"]


class Limit(NamedTuple):
    """The least (≥) or the greatest (≤) that a metric may be."""

    metric: str
    must_be: MustBe
    value: float


@dataclass(frozen=True)
class Check:
    """One value of one model that must be at least (≥) or at most (≤) its limit; `values` are those of each seed."""

    model: str
    metric: str
    value: float
    must_be: MustBe
    limit: float
    values: tuple[float, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the value is within its limit; no number is not."""
        return self.value >= self.limit if self.must_be == "≥" else self.value <= self.limit


def within_bounds(gate: Gate, model: str, scores: Sequence[Mapping[str, Any]]) -> list[Check]:
    """List a check for each limit of a model's metrics: of the mean over its seeds, then of the worst seed.

    `scores` is what the metrics.json of each seed holds. Raise `InputError` for a metric that is not there.
    """
    by_seed = [dict(leaves(dict(metrics))) for metrics in scores]
    found = []
    for metric, must_be, limit in _limits(gate):
        values = _values(metric, by_seed)
        found.append(Check(model, metric, statistics.fmean(values), must_be, limit, values))
    for metric, must_be, limit in _limits(gate.worst_seed):
        values = _values(metric, by_seed)
        worst = min(values) if must_be == "≥" else max(values)
        found.append(Check(model, f"{metric}, worst seed", worst, must_be, limit, values))
    return found


def table(found: Sequence[Check]) -> pd.DataFrame:
    """Tabulate checks, the failed ones marked; where models have several seeds, with deviation and every value."""
    several = any(len(check.values) > 1 for check in found)
    return pd.DataFrame([_row(check, several) for check in found])


def failure(check: Check) -> str:
    """Say in words what a failed check found, as in `test.accuracy 0.8800 < 0.9000`."""
    return f"{check.metric} {number(check.value)} {'<' if check.must_be == '≥' else '>'} {number(check.limit)}"


def number(value: float) -> str:
    """Write a count, as of parameters, whole, what is smaller with four decimals, and what is tiny with two digits."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2g}" if 0 < abs(value) < 0.001 else f"{value:.4f}"


def _limits(bounds: Bounds) -> list[Limit]:
    least = [Limit(metric, "≥", float(limit)) for metric, limit in leaves(bounds.at_least)]
    return least + [Limit(metric, "≤", float(limit)) for metric, limit in leaves(bounds.at_most)]


def _values(metric: str, by_seed: Sequence[Mapping[str, float]]) -> tuple[float, ...]:
    for metrics in by_seed:
        if metric not in metrics:
            raise InputError(f"params.yaml: gate: {unknown_key(metric, metrics)}")
    return tuple(float(metrics[metric]) for metrics in by_seed)


def _row(check: Check, several: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"model": check.model, "metric": check.metric, "value": number(check.value)}
    if several:
        row["deviation"] = number(statistics.stdev(check.values)) if len(check.values) > 1 else ""
        row["of each seed"] = ", ".join(map(number, check.values))
    return row | {"must be": f"{check.must_be} {number(check.limit)}", "verdict": "ok" if check.passed else "FAILED"}
