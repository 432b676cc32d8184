"""Two revisions side by side: what differs in params and metrics, and in accuracies beyond chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.addons.compare.reading import Revision
from pipeline.evaluation import significance
from pipeline.evaluation.checks import ACCURACY
from pipeline.evaluation.records import Predictions
from pipeline.evaluation.significance import Difference, Variance

WHOLE = ("parameters", "model_bytes")  # the metrics that are whole numbers
NONE = "–"


@dataclass(frozen=True)
class Compared:
    """A model that is at both revisions: `difference` is by how much it is more accurate after.

    `paired` says whether the predictions of both for the same images were to be had, `same` whether they, or else the
    metrics, are equal.
    """

    difference: Difference
    paired: bool
    same: bool


def all_models(before: Revision, after: Revision) -> dict[str, Compared | None]:
    """Compare every model of either revision, the p-values adjusted for their number (Holm)."""
    found = {name: one_model(before, after, name) for name in _either(before, after)}
    adjusted = significance.adjusted({name: one.difference for name, one in found.items() if one})
    return {name: one and replace(one, difference=adjusted[name]) for name, one in found.items()}


def one_model(before: Revision, after: Revision, model: str) -> Compared | None:
    """Compare one model by its predictions where both revisions have them, else by its accuracies.

    Return None where it is at one of the two alone.
    """
    if model not in before.models or model not in after.models:
        return None
    theirs, ours = before.predictions(model), after.predictions(model)
    if theirs and ours and np.array_equal(theirs[0].labels, ours[0].labels):
        same = np.array_equal([part.probabilities for part in theirs], [part.probabilities for part in ours])
        return Compared(significance.difference(_right(ours), _right(theirs)), paired=True, same=same)
    ours, theirs = (revision.metrics(model)[ACCURACY].to_list() for revision in (after, before))
    difference = of_accuracies(ours, theirs, after.test_images(model))
    return Compared(difference, paired=False, same=before.metrics(model).equals(after.metrics(model)))


def of_accuracies(first: Sequence[float], second: Sequence[float], images: int) -> Difference:
    """Compare two models by the accuracies of their seeds alone, each on as many images, which may be the same ones.

    Welch's t-test (1947), and with more seeds the variance that they bring, as in `significance.difference`. Of the
    same images it errs on the careful side, since what both models find hard is counted as chance.
    """
    ours, theirs, freedom = np.array(first), np.array(second), max(1, images - 1)
    shares = float(ours.mean()), float(theirs.mean())
    variance = by_images = significance.added(*(Variance(share * (1 - share) / freedom, freedom) for share in shares))
    by_seeds = None
    if len(ours) > 1 and len(theirs) > 1:
        by_seeds = significance.added(significance.of_mean(ours), significance.of_mean(theirs))
        variance = significance.added(by_images, by_seeds)
    mean, seeds = shares[0] - shares[1], by_seeds.value**0.5 if by_seeds else None
    return Difference(mean, *significance.t_test(mean, variance), None, None, by_images.value**0.5, seeds)


def verdict(found: Mapping[str, Compared | None]) -> str:
    """Say in words what became of each model."""
    return "; ".join(_sentence(model, one) for model, one in found.items()) + "." if found else "No model is there."


def tables(before: Revision, after: Revision, found: Mapping[str, Compared | None]) -> dict[str, pd.DataFrame]:
    """Tabulate, by title, what was found of each model, and what differs; an empty table where nothing does."""
    accuracies = [_accuracy_row(before, after, model, one) for model, one in found.items()]
    return {
        "Test accuracy": pd.DataFrame(accuracies).fillna(NONE),
        "Params that differ": params_table(before, after),
        "Metrics that differ": metrics_table(before, after),
    }


def params_table(before: Revision, after: Revision) -> pd.DataFrame:
    """Tabulate the params that differ."""
    names = dict.fromkeys([*after.params, *before.params])
    rows = [(name, before.params.get(name, NONE), after.params.get(name, NONE)) for name in names]
    differing = [(name, str(old), str(new)) for name, old, new in rows if old != new]
    return pd.DataFrame(differing, columns=["param", "before", "after"])


def metrics_table(before: Revision, after: Revision) -> pd.DataFrame:
    """Tabulate the metrics, means over the seeds, that differ."""
    rows = []
    for model in _either(before, after):
        both = pd.DataFrame({"before": before.metrics(model).mean(), "after": after.metrics(model).mean()})
        for metric, old, new in both[both["before"] != both["after"]].itertuples():
            form = ",.0f" if metric in WHOLE else ".4f"
            rows.append((model, metric, _written(old, form), _written(new, form), _written(new - old, f"+{form}")))
    return pd.DataFrame(rows, columns=["model", "metric", "before", "after", "difference"])


def _either(before: Revision, after: Revision) -> list[str]:
    return list(dict.fromkeys([*after.models, *before.models]))


def _right(seeds: Sequence[Predictions]) -> np.ndarray:
    return np.array([part.labels == part.probabilities.argmax(axis=1) for part in seeds])


def _accuracy_row(before: Revision, after: Revision, model: str, one: Compared | None) -> dict[str, str]:
    old, new = (revision.metrics(model).mean().get(ACCURACY, np.nan) for revision in (before, after))
    row = {"model": model, "before": _written(old, ".4f"), "after": _written(new, ".4f")}
    if not one:
        return row
    found = one.difference
    return row | {
        "difference": f"{found.accuracy:+.4f}",
        "95 % interval": f"{found.low:+.4f} to {found.high:+.4f}",
        "newly right": NONE if found.only_first is None else str(found.only_first),
        "newly wrong": NONE if found.only_second is None else str(found.only_second),
        "p-value": f"{found.p_value:.3f}" if found.p_value >= 0.001 else "< 0.001",
        "by": "the same images" if one.paired else "metrics.json alone",
    }


def _written(value: float, form: str) -> str:
    return NONE if np.isnan(value) else format(value, form)


def _sentence(model: str, one: Compared | None) -> str:
    if not one:
        return f"{model} is at one of the two alone"
    if one.same:
        return f"{model} {'predicts' if one.paired else 'scores'} the same"
    found = one.difference
    if found.p_value >= significance.LEVEL:
        return f"{model} does not differ significantly from before"
    by, low, high = (100 * value for value in (found.accuracy, found.low, found.high))
    if by < 0:
        return f"{model} is worse by {-by:.1f} points (95 % interval {-high:.1f} to {-low:.1f})"
    return f"{model} is better by {by:.1f} points (95 % interval {low:.1f} to {high:.1f})"
