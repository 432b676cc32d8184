"""All models side by side: tables, and the verdict in words."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.base import templates
from pipeline.config.schema import Params, Training
from pipeline.evaluation import metrics, records, significance
from pipeline.evaluation.records import TRAIN_IMAGES, Evaluation, Evaluations
from pipeline.evaluation.significance import Difference


def contents(params: Params, evaluations: Evaluations) -> dict[str, Any]:
    """Return, by name, the tables and words that README.md and the page both show; no `differences` of one model."""
    words = {"several_seeds": any(len(seeds) > 1 for seeds in evaluations.values()), "train_images": TRAIN_IMAGES}
    return {
        "dataset": params.fetch.dataset_name,
        "verdict": verdict(evaluations),
        "models": models_table(evaluations),
        "note": templates.load("pipeline.evaluation", "note.jinja").render(words),
        "settings": settings_table(params),
        "differences": differences_table(evaluations) if len(evaluations) > 1 else None,
        "caveat": templates.load("pipeline.evaluation", "caveat.jinja").render(words),
    }


def by_training(evaluations: Evaluations) -> dict[str, Evaluation]:
    """Return every evaluation by its training's name, as `vgg-42`."""
    return {
        Training(model, seed).name: evaluation
        for model, seeds in evaluations.items()
        for seed, evaluation in seeds.items()
    }


def models_table(evaluations: Evaluations) -> pd.DataFrame:
    """Tabulate every model's accuracies, the test's with its 95 % interval, loss, parameters and size on disk.

    Of several seeds these are means, and the test accuracy's standard deviation and values stand beside it; the row
    below is of their networks together.
    """
    rows = []
    for name, seeds in evaluations.items():
        rows.append(_model_row(name, list(seeds.values())))
        if len(seeds) > 1:
            rows.append(_model_row(f"{name}, {len(seeds)} together", [records.together(list(seeds.values()))]))
    return pd.DataFrame(rows).fillna("–")


def settings_table(params: Params) -> pd.DataFrame:
    """Tabulate how each model is made: its network, epochs, batch size, optimizer, schedule and augmentation."""
    rows = []
    for name, spec in params.models.items():
        train, optimizer = spec.train, spec.train.optimizer
        changes = train.augmentation.model_dump(exclude_defaults=True) if train.augmentation else {}
        schedule = train.schedule.name.replace("_", " ")
        row = {
            "model": name,
            "network": spec.summary,
            "epochs": f"at most {train.epochs}" if train.early_stopping else f"{train.epochs}",
            "batch": f"{train.batch_size}",
            "optimizer": f"{optimizer.name}, learning rate {optimizer.learning_rate:g}, {schedule}",
            "augmentation": ", ".join(changes).replace("_", " ") or "none",
        }
        rows.append(row)
    return pd.DataFrame(rows)


def differences(evaluations: Evaluations) -> dict[tuple[str, str], Difference]:
    """Compare every pair of models on the same test images, the p-values adjusted for all the pairs (Holm)."""
    right = {name: _right(seeds.values()) for name, seeds in evaluations.items()}
    pairs = itertools.combinations(evaluations, 2)
    found = {pair: significance.difference(right[pair[0]], right[pair[1]]) for pair in pairs}
    return significance.adjusted(found)


def differences_table(evaluations: Evaluations) -> pd.DataFrame:
    """Tabulate what `differences` finds, a row a pair."""
    return pd.DataFrame([_pair_row(pair, found) for pair, found in differences(evaluations).items()])


def verdict(evaluations: Evaluations) -> str:
    """Say in words whether the most accurate model is better than each other one, beyond what is chance."""
    accuracies = {name: float(_right(seeds.values()).mean()) for name, seeds in evaluations.items()}
    best = max(accuracies, key=lambda name: accuracies[name])
    if len(evaluations) == 1:
        low, high = significance.accuracy_interval(_right(evaluations[best].values()))
        return f"{best} has a test accuracy of {accuracies[best]:.4f} (95 % interval {low:.4f} to {high:.4f})."
    found = differences({best: evaluations[best]} | dict(evaluations))
    return "; ".join(_sentence(pair, difference) for pair, difference in found.items() if best in pair) + "."


def confused_table(evaluations: Evaluations) -> pd.DataFrame:
    """Tabulate the ten pairs of classes that all trainings together confuse most."""
    every = list(by_training(evaluations).values())
    table = confused_pairs(every)[:10]
    return table.assign(
        images=(table["images"] / len(every)).map("{:.1f}".format),
        share=(100 * table["share"]).map("{:.1f} %".format),
    )


def confused_pairs(every: Sequence[Evaluation]) -> pd.DataFrame:
    """Rank the pairs of classes that some trainings together confuse, as `metrics.confused_pairs` does."""
    counts = np.sum([evaluation.confusion for evaluation in every], axis=0)
    return metrics.confused_pairs(counts, every[0].class_names)


def by_seed(rows: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Tabulate a row a seed, and of several seeds the mean and the standard deviation of their numbers."""
    table = pd.DataFrame([{"seed": str(seed), **row} for seed, row in rows.items()])
    if len(rows) > 1:
        numbers = table.select_dtypes("number")
        more = pd.DataFrame([numbers.mean(), numbers.std()]).assign(seed=["mean", "standard deviation"])
        table = pd.concat([table, more]).fillna("")
    return table


def _sentence(pair: tuple[str, str], difference: Difference) -> str:
    first, second = pair
    if difference.p_value >= significance.LEVEL:
        return f"{first} and {second} do not differ significantly"
    by, low, high = (100 * value for value in (difference.accuracy, difference.low, difference.high))
    return f"{first} is better than {second} by {by:.1f} points (95 % interval {low:.1f} to {high:.1f})"


def _model_row(name: str, seeds: list[Evaluation]) -> dict[str, str]:
    right = _right(seeds)
    low, high = significance.accuracy_interval(right)
    row = {"model": name, "test accuracy": f"{right.mean():.4f}", "95 % interval": f"{low:.4f} – {high:.4f}"}
    if len(seeds) > 1:
        accuracies = right.mean(axis=1)
        row["deviation"] = f"{accuracies.std(ddof=1):.4f}"
        row["of each seed"] = ", ".join(f"{accuracy:.4f}" for accuracy in accuracies)
    row["test loss"] = _mean(seeds, "test", "loss")
    row |= {name.replace("_", " "): _mean(seeds, "test", name) for name in seeds[0].metrics if "accuracy" in name}
    return row | {
        "validation": _mean(seeds, "validation", "accuracy"),
        "train": _mean(seeds, "train", "accuracy"),
        "parameters": f"{seeds[0].parameters:,}",
        "model file": f"{seeds[0].model_bytes / 1e6:.1f} MB",
    }


def _mean(seeds: list[Evaluation], split: str, score: str) -> str:
    if split not in seeds[0].scores:
        return "–"
    return f"{np.mean([evaluation.scores[split][score] for evaluation in seeds]):.4f}"


def _right(seeds: Iterable[Evaluation]) -> np.ndarray:
    return np.array([evaluation.right for evaluation in seeds])


def _pair_row(pair: tuple[str, str], difference: Difference) -> dict[str, str]:
    row = {
        "models": " – ".join(pair),
        "difference": f"{difference.accuracy:+.4f}",
        "95 % interval": f"{difference.low:+.4f} to {difference.high:+.4f}",
        "only the first is right": str(difference.only_first),
        "only the second": str(difference.only_second),
    }
    if difference.by_seeds is not None:
        row |= {"by images": f"{difference.by_images:.4f}", "by seeds": f"{difference.by_seeds:.4f}"}
    p_value = f"{difference.p_value:.3f}" if difference.p_value >= 0.001 else "< 0.001"
    return row | {"p-value": p_value, "significant": "yes" if difference.p_value < significance.LEVEL else "no"}
