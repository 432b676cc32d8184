"""The checks of `gate`: metrics against their limits, and accuracies against another revision's."""

import itertools
import operator
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from pipeline.base.errors import InputError, unknown_key
from pipeline.config.gate import TOGETHER, Bounds, Gate
from pipeline.config.section import leaves

if TYPE_CHECKING:
    from pipeline.evaluation.significance import Difference  # for real it would bring SciPy, for most of a second

ACCURACY = "test.accuracy"  # what is compared with another revision's
MustBe = Literal["≥", "≤"]
HOLDS = {"≥": operator.ge, "≤": operator.le}  # neither holds of what is no number
Scores = Sequence[Mapping[str, Any]]  # what the metrics.json of each of a model's seeds holds


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
        return bool(HOLDS[self.must_be](self.value, self.limit))


def within_bounds(gate: Gate, model: str, scores: Scores) -> list[Check]:
    """List a check for each limit of a model's metrics: of the mean over its seeds, then of the worst seed.

    Limits of all seeds together are `of_all_seeds`'s. Raise `InputError` for a metric that is not there.
    """
    means = [
        Check(model, metric, statistics.fmean(values), must_be, limit, values)
        for metric, must_be, limit, values in _bounded(gate, scores)
    ]
    worst = [
        Check(model, f"{metric}, worst seed", (min if must_be == "≥" else max)(values), must_be, limit, values)
        for metric, must_be, limit, values in _bounded(gate.worst_seed, scores)
    ]
    return means + worst


def of_all_seeds(gate: Gate, model: str, scores: Mapping[str, float]) -> list[Check]:
    """List a check for each limit of `together`, what a model's networks score together; raise as `within_bounds`."""
    found = _bounded(gate, [{"together": scores}], together=True)
    return [Check(model, metric, value, must_be, limit) for metric, must_be, limit, (value,) in found]


def against_revisions(gate: Gate, model: str, differences: Mapping[str, "Difference"]) -> list[Check]:
    """List the checks of a model against git revisions; `differences` say by how much it is more accurate now."""
    found = []
    no_worse, not_significantly = gate.no_worse_than, gate.not_significantly_worse_than
    if no_worse and (difference := differences.get(no_worse.revision)):
        found.append(Check(model, f"{ACCURACY} less {no_worse.revision}'s", difference.accuracy, "≥", -no_worse.by))
    if not_significantly and (difference := differences.get(not_significantly.revision)):
        metric = f"{ACCURACY} as in {not_significantly.revision}, p"
        found.append(Check(model, metric, difference.p_worse, "≥", not_significantly.level))
    return found


def table(found: Sequence[Check]) -> pd.DataFrame:
    """Tabulate checks, the failed ones marked; where models have several seeds, with deviation and every value."""
    several = any(len(check.values) > 1 for check in found)
    return pd.DataFrame([_row(check, several) for check in found])


def failure(check: Check) -> str:
    """Say in words what a failed check found, as in `test.accuracy 0.8800 < 0.9000`."""
    return f"{check.metric} {number(check.value)} {'<' if check.must_be == '≥' else '>'} {number(check.limit)}"


def _bounded(
    bounds: Bounds, scores: Scores, *, together: bool = False
) -> list[tuple[str, MustBe, float, tuple[float, ...]]]:
    """List each metric that has a limit, with what it must be, the limit, and its value of each seed."""
    by_seed = [dict(leaves(dict(values))) for values in scores]
    limits: list[tuple[str, MustBe, float]] = [(metric, "≥", limit) for metric, limit in leaves(bounds.at_least)]
    limits += [(metric, "≤", limit) for metric, limit in leaves(bounds.at_most)]
    limits = [limit for limit in limits if limit[0].startswith(TOGETHER) == together]
    for (metric, *_), values in itertools.product(limits, by_seed):
        if metric not in values:
            raise InputError(f"params.yaml: gate: {unknown_key(metric, values)}")
    return [
        (metric, must_be, float(limit), tuple(float(values[metric]) for values in by_seed))
        for metric, must_be, limit in limits
    ]


def _row(check: Check, several: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"model": check.model, "metric": check.metric, "value": number(check.value)}
    if several:
        deviation = number(statistics.stdev(check.values)) if len(check.values) > 1 else ""
        row |= {"deviation": deviation, "of each seed": ", ".join(map(number, check.values))}
    return row | {"must be": f"{check.must_be} {number(check.limit)}", "verdict": "ok" if check.passed else "FAILED"}


def number(value: float) -> str:
    """Write a count, as of parameters, whole, what is smaller with four decimals, and what is tiny with two digits."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2g}" if 0 < abs(value) < 0.001 else f"{value:.4f}"
