"""Numbers from labels and probabilities, as scikit-learn has them, whose import takes a second."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from pipeline.data import arrays
from pipeline.data.arrays import Array

DECIMALS = 6
EPSILON = float(np.finfo(np.float64).eps)
BY_CLASS = ("precision", "recall", "f1")
LOGGABLE = re.compile(r"[\w :-]+([./][\w :-]+)*")  # MLflow takes such names, where a dot becomes a slash,
LONGEST = 200  # and of up to 250 characters in all


def loggable(scores: dict[str, Any]) -> dict[str, Any]:
    """Return scores with a number in place of each class whose name MLflow refuses as a part of a metric's name."""
    by_class = {
        metric: {_loggable(name, number): value for number, (name, value) in enumerate(values.items())}
        for metric, values in scores["test"].items()
        if isinstance(values, dict)
    }
    return scores | {"test": scores["test"] | by_class}


def headline(labels: np.ndarray, probabilities: Array) -> dict[str, float]:
    """Return the accuracy and the mean cross-entropy (natural logarithm), probabilities being (n, classes).

    A true class of probability 0 counts as one of 2.2e-16, so that the loss stays a number. To the last bit, it is what
    scikit-learn's `log_loss` gives, which would hold several copies of all probabilities.
    """
    right, losses, start = 0, np.empty(len(labels)), 0
    for part in arrays.parts(probabilities):
        here = slice(start, start := start + len(part))
        right += int((labels[here] == part.argmax(axis=1)).sum())
        exact = part.astype(np.float64)
        exact /= exact.sum(axis=1, keepdims=True)
        own = exact[np.arange(len(part)), labels[here]]
        losses[here] = -special.xlogy(1, np.clip(own, EPSILON, 1 - EPSILON))
    return {"accuracy": _rounded(right / len(labels)), "loss": _rounded(losses.mean())}


def top_2_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of images whose true class is one of the two most probable."""
    best_two = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return _rounded(np.mean((best_two == labels[:, None]).any(axis=1)))


def per_class(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Tabulate `precision`, `recall`, `f1` and `support` (how many images there are), a row a class.

    A class that is never predicted has precision 0, one that never occurs has recall 0.
    """
    counts = confusion(labels, probabilities)
    right, support, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    among = {"precision": predicted, "recall": support, "f1": (predicted + support) / 2}
    shares = {name: right / np.maximum(images, 0.5) for name, images in among.items()}  # of none, none is right
    return pd.DataFrame(shares | {"support": support})


def macro_averages(table: pd.DataFrame) -> dict[str, float]:
    """Return the means over classes of precision, recall and F1, from what `per_class` tabulates."""
    return {f"macro_{name}": _rounded(table[name].mean()) for name in BY_CLASS}


def by_class(table: pd.DataFrame, class_names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the precision, recall and F1 of each class by its name, from what `per_class` tabulates."""
    return {name: dict(zip(class_names, map(_rounded, table[name]), strict=True)) for name in BY_CLASS}


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Count images by true class (rows) and predicted class (columns)."""
    counts = np.zeros((probabilities.shape[1],) * 2, int)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return counts


def row_normalised(counts: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; a row of zeros stays zeros."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def confused_pairs(counts: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Rank the pairs of a true class and a wrong one by how many images a confusion matrix has of them.

    `counts` has a row a true class and a column a predicted one, both (classes, classes). Columns: `true`,
    `predicted`, `images`, and `share` of the true class; pairs without an image are left out, equal ones stand in the
    order of the classes.
    """
    wrong = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    true, predicted = np.nonzero(wrong)
    names = np.array(class_names)
    columns = {
        "true": names[true],
        "predicted": names[predicted],
        "images": wrong[true, predicted],
        "share": row_normalised(counts)[true, predicted],
    }
    return pd.DataFrame(columns).sort_values("images", ascending=False, kind="stable", ignore_index=True)


def _loggable(name: str, number: int) -> str:
    return name if LOGGABLE.fullmatch(name) and len(name) <= LONGEST else f"class {number}"


def _rounded(value: Any) -> float:
    return round(float(value), DECIMALS)
