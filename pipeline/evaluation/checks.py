"""The checks of `gate`: metrics against their limits."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from pipeline.base.errors import InputError, unknown_key
from pipeline.config.gate import TOGETHER, Bounds, Gate
from pipeline.config.section import leaves

ACCURACY = "test.accuracy"
MustBe = Literal["≥", "≤"]


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

    `scores` is what the metrics.json of each seed holds. Limits of all seeds together are `of_all_seeds`'s. Raise
    `InputError` for a metric that is not there.
    """
    by_seed = [dict(leaves(dict(metrics))) for metrics in scores]
    found = []
    for metric, must_be, limit in _limits(gate):
        if not metric.startswith(TOGETHER):
            values = tuple(_value(metric, metrics) for metrics in by_seed)
            found.append(Check(model, metric, statistics.fmean(values), must_be, limit, values))
    for metric, must_be, limit in _limits(gate.worst_seed):
        values = tuple(_value(metric, metrics) for metrics in by_seed)
        worst = min(values) if must_be == "≥" else max(values)
        found.append(Check(model, f"{metric}, worst seed", worst, must_be, limit, values))
    return found


def of_all_seeds(gate: Gate, model: str, scores: Mapping[str, float]) -> list[Check]:
    """List a check for each limit of `together`, what a model's networks score together; raise as `within_bounds`."""
    metrics = {f"{TOGETHER}{name}": score for name, score in scores.items()}
    return [
        Check(model, metric, _value(metric, metrics), must_be, limit)
        for metric, must_be, limit in _limits(gate)
        if metric.startswith(TOGETHER)
    ]


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


def _limits(bounds: Bounds) -> Iterator[tuple[str, MustBe, float]]:
    for metric, limit in leaves(bounds.at_least):
        yield metric, "≥", float(limit)
    for metric, limit in leaves(bounds.at_most):
        yield metric, "≤", float(limit)


def _value(metric: str, metrics: Mapping[str, float]) -> float:
    if metric not in metrics:
        raise InputError(f"params.yaml: gate: {unknown_key(metric, metrics)}")
    return float(metrics[metric])


def _row(check: Check, several: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"model": check.model, "metric": check.metric, "value": number(check.value)}
    if several:
        row["deviation"] = number(statistics.stdev(check.values)) if len(check.values) > 1 else ""
        row["of each seed"] = ", ".join(map(number, check.values))
    return row | {"must be": f"{check.must_be} {number(check.limit)}", "verdict": "ok" if check.passed else "FAILED"}
