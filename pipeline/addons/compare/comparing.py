"""Two revisions side by side: what differs in params, code and metrics, and in accuracies beyond chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.addons.compare import welch
from pipeline.addons.compare.reading import Revision
from pipeline.evaluation import significance
from pipeline.evaluation.checks import ACCURACY
from pipeline.evaluation.records import Predictions
from pipeline.evaluation.significance import Difference
from pipeline.tracking import git

CODE = ("pipeline", "dvc.yaml", "requirements.txt", "requirements.lock")
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
    compared = {name: one for name, one in found.items() if one}
    adjusted = significance.holm([one.difference.p_value for one in compared.values()])
    return found | {
        name: replace(one, difference=replace(one.difference, p_value=p_value))
        for (name, one), p_value in zip(compared.items(), adjusted, strict=True)
    }


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
    difference = welch.difference(ours, theirs, after.test_images(model))
    return Compared(difference, paired=False, same=before.metrics(model).equals(after.metrics(model)))


def verdict(found: Mapping[str, Compared | None]) -> str:
    """Say in words what became of each model."""
    return "; ".join(_sentence(model, one) for model, one in found.items()) + "." if found else "No model is there."


def tables(before: Revision, after: Revision, found: Mapping[str, Compared | None]) -> dict[str, pd.DataFrame]:
    """Tabulate, by title, what was found of each model, and what differs; an empty table where nothing does."""
    return {
        "Test accuracy": pd.DataFrame([_accuracy_row(before, after, model, one) for model, one in found.items()]),
        "Params that differ": params_table(before, after),
        "Code that differs": code_table(before, after),
        "Metrics that differ": metrics_table(before, after),
    }


def params_table(before: Revision, after: Revision) -> pd.DataFrame:
    """Tabulate the params that differ."""
    names = dict.fromkeys([*after.params, *before.params])
    rows = [(name, before.params.get(name, NONE), after.params.get(name, NONE)) for name in names]
    differing = [(name, str(old), str(new)) for name, old, new in rows if old != new]
    return pd.DataFrame(differing, columns=["param", "before", "after"])


def code_table(before: Revision, after: Revision) -> pd.DataFrame:
    """Tabulate the files that decide results and differ, with the numbers of lines."""
    revisions = [revision.commit for revision in (before, after) if revision.commit]
    lines = git.ask("diff", "--numstat", *revisions, "--", *CODE).splitlines()
    rows = [(path, f"+{added}", f"−{removed}") for added, removed, path in (line.split("\t") for line in lines)]
    return pd.DataFrame(rows, columns=["file", "lines added", "removed"])


def metrics_table(before: Revision, after: Revision) -> pd.DataFrame:
    """Tabulate the metrics, means over the seeds, that differ."""
    rows = []
    for model in _either(before, after):
        both = pd.DataFrame({"before": before.metrics(model).mean(), "after": after.metrics(model).mean()})
        differing = both[both["before"] != both["after"]]
        rows += [_metric_row(model, metric, old, new) for metric, old, new in differing.itertuples()]
    return pd.DataFrame(rows, columns=["model", "metric", "before", "after", "difference"])


def _either(before: Revision, after: Revision) -> list[str]:
    return list(dict.fromkeys([*after.models, *before.models]))


def _right(seeds: Sequence[Predictions]) -> np.ndarray:
    return np.array([part.labels == part.probabilities.argmax(axis=1) for part in seeds])


def _accuracy_row(before: Revision, after: Revision, model: str, one: Compared | None) -> dict[str, str]:
    old, new = (revision.metrics(model).mean().get(ACCURACY, np.nan) for revision in (before, after))
    row = {"model": model, "before": _written(old, ".4f"), "after": _written(new, ".4f")}
    if not one:
        return row | dict.fromkeys(("difference", "95 % interval", "newly right", "newly wrong", "p-value", "by"), NONE)
    found = one.difference
    return row | {
        "difference": f"{found.accuracy:+.4f}",
        "95 % interval": f"{found.low:+.4f} to {found.high:+.4f}",
        "newly right": NONE if found.only_first is None else str(found.only_first),
        "newly wrong": NONE if found.only_second is None else str(found.only_second),
        "p-value": f"{found.p_value:.3f}" if found.p_value >= 0.001 else "< 0.001",
        "by": "the same images" if one.paired else "metrics.json alone",
    }


def _metric_row(model: str, metric: str, old: float, new: float) -> tuple[str, ...]:
    form = ",.0f" if metric in WHOLE else ".4f"
    return model, metric, _written(old, form), _written(new, form), _written(new - old, f"+{form}")


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
