"""Two revisions side by side: what differs in params and code, in metrics and beyond chance, image by image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.addons.compare import welch
from pipeline.addons.compare.reading import Revision
from pipeline.evaluation import significance
from pipeline.evaluation.records import Predictions
from pipeline.evaluation.significance import Difference
from pipeline.tracking import git

ACCURACY = "test.accuracy"
CODE = ("pipeline", "dvc.yaml", "requirements.txt", "requirements.lock")
COSTS = ("parameters", "model_bytes")
NONE = "–"
COUNT, SHARE = "{:,.0f}", "{:.4f}"


@dataclass(frozen=True)
class Compared:
    """One model at both revisions: `difference` is by how much it is more accurate after; None where it is at one only.

    `paired` says whether the predictions of both for the same images were to be had, `same` whether they, or else the
    metrics, are equal. `changed` lists the images that it gets newly right or wrong, of columns `image`, `label`,
    `before`, `after` and `now`.
    """

    difference: Difference | None = None
    paired: bool = False
    same: bool = False
    changed: pd.DataFrame | None = None


def models(before: Revision, after: Revision) -> dict[str, Compared]:
    """Compare every model of either revision, the p-values adjusted for their number (Holm)."""
    found = {name: compared(before, after, name) for name in _either(before, after)}
    differences = {name: one.difference for name, one in found.items() if one.difference}
    adjusted = significance.holm([difference.p_value for difference in differences.values()])
    for (name, difference), p_value in zip(differences.items(), adjusted, strict=True):
        found[name] = replace(found[name], difference=replace(difference, p_value=p_value))
    return found


def compared(before: Revision, after: Revision, model: str) -> Compared:
    """Compare one model: by its predictions where both revisions have them, else by its accuracies."""
    theirs, ours = (list(revision.predictions(model).values()) for revision in (before, after))
    if theirs and ours and np.array_equal(theirs[0].labels, ours[0].labels):
        names = after.class_names(model)
        difference = significance.difference(_right(ours), _right(theirs))
        same = np.array_equal([part.probabilities for part in theirs], [part.probabilities for part in ours])
        return Compared(difference, True, same, changed(theirs, ours, names))
    accuracies = [_accuracies(revision, model) for revision in (after, before)]
    count = after.count(model) if model in after.models else 0
    if not all(accuracies) or not count:
        return Compared()
    same = before.metrics(model) == after.metrics(model)
    return Compared(welch.difference(accuracies[0], accuracies[1], count), same=same)


def changed(before: Sequence[Predictions], after: Sequence[Predictions], class_names: Sequence[str]) -> pd.DataFrame:
    """List the images that are right with more seeds after (`now` right) or fewer (wrong), greatest change first."""
    names, labels = np.array(class_names), after[0].labels
    shares = _right(after).mean(axis=0) - _right(before).mean(axis=0)
    order = np.argsort(-np.abs(shares), kind="stable")
    order = order[shares[order] != 0]
    said = [part[0].probabilities.argmax(axis=1) for part in (before, after)]
    return pd.DataFrame(
        {
            "image": order,
            "label": names[labels[order]],
            "before": names[said[0][order]],
            "after": names[said[1][order]],
            "now": np.where(shares[order] > 0, "right", "wrong"),
        }
    )


def verdict(found: Mapping[str, Compared]) -> str:
    """Say in words what became of each model."""
    return "; ".join(_sentence(model, one) for model, one in found.items()) + "." if found else "No model is there."


def accuracies_table(before: Revision, after: Revision, found: Mapping[str, Compared]) -> pd.DataFrame:
    """Tabulate each model's mean test accuracy at both revisions, and what the noise says of the difference."""
    return pd.DataFrame([_accuracy_row(before, after, model, one) for model, one in found.items()])


def metrics_table(before: Revision, after: Revision) -> pd.DataFrame:
    """Tabulate the metrics, means over the seeds, that differ; those of each class are left out."""
    rows = []
    for model in _either(before, after):
        theirs, ours = (_means(revision, model) for revision in (before, after))
        names = [name for name in dict.fromkeys([*ours, *theirs]) if name.count(".") < 2]
        both = [(name, theirs.get(name), ours.get(name)) for name in names]
        rows += [_metric_row(model, name, old, new) for name, old, new in both if old != new]
    return pd.DataFrame(rows, columns=["model", "metric", "before", "after", "difference"])


def costs_table(before: Revision, after: Revision) -> pd.DataFrame:
    """Tabulate parameters, bytes and seconds of training by model, where they are known."""
    rows = []
    for model in _either(before, after):
        theirs, ours = (_means(revision, model) for revision in (before, after))
        row = {cost.replace("_", " "): _both(theirs.get(cost), ours.get(cost)) for cost in COSTS}
        seconds = _both(before.seconds(model), after.seconds(model))
        rows.append({"model": model, **row, "seconds of training": seconds})
    return pd.DataFrame(rows)


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


def _either(before: Revision, after: Revision) -> list[str]:
    return list(dict.fromkeys([*after.models, *before.models]))


def _accuracy_row(before: Revision, after: Revision, model: str, one: Compared) -> dict[str, str]:
    theirs, ours = (_accuracies(revision, model) for revision in (before, after))
    old, new = (f"{np.mean(each):.4f}" if each else NONE for each in (theirs, ours))
    row = {"model": model, "before": old, "after": new}
    if (found := one.difference) is None:
        return row | dict.fromkeys(("difference", "95 % interval", "newly right", "newly wrong", "p-value", "by"), NONE)
    return row | {
        "difference": f"{found.accuracy:+.4f}",
        "95 % interval": f"{found.low:+.4f} to {found.high:+.4f}",
        "newly right": NONE if found.only_first is None else str(found.only_first),
        "newly wrong": NONE if found.only_second is None else str(found.only_second),
        "p-value": f"{found.p_value:.3f}" if found.p_value >= 0.001 else "< 0.001",
        "by": "the same images" if one.paired else "metrics.json alone",
    }


def _metric_row(model: str, metric: str, old: float | None, new: float | None) -> tuple[str, ...]:
    form = COUNT if metric in COSTS else SHARE
    difference = None if old is None or new is None else new - old
    return model, metric, _written(old, form), _written(new, form), _written(difference, form.replace(":", ":+"))


def _sentence(model: str, one: Compared) -> str:
    found = one.difference
    if found is None:
        return f"{model} is at one of the two alone"
    if one.same:
        return f"{model} {'predicts' if one.paired else 'scores'} the same"
    if found.p_value >= significance.LEVEL:
        return f"{model} does not differ significantly from before"
    by, low, high = (100 * value for value in (found.accuracy, found.low, found.high))
    if by < 0:
        by, low, high = -by, -high, -low
    word = "better" if found.accuracy > 0 else "worse"
    return f"{model} is {word} by {by:.1f} points (95 % interval {low:.1f} to {high:.1f})"


def _means(revision: Revision, model: str) -> dict[str, float]:
    every = list(revision.metrics(model).values())
    return {name: float(np.mean([one[name] for one in every])) for name in (every[0] if every else ())}


def _accuracies(revision: Revision, model: str) -> list[float]:
    return [one[ACCURACY] for one in revision.metrics(model).values() if ACCURACY in one]


def _right(seeds: Sequence[Predictions]) -> np.ndarray:
    return np.array([part.labels == part.probabilities.argmax(axis=1) for part in seeds])


def _both(old: float | None, new: float | None) -> str:
    before, after = (_written(value, COUNT) for value in (old, new))
    return after if before == after else f"{before} → {after}"


def _written(value: float | None, form: str) -> str:
    return NONE if value is None else form.format(value)
