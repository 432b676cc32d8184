"""Numbers from labels and probabilities, by scikit-learn; probabilities are (n, classes)."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

DECIMALS = 6
BY_CLASS = ["precision", "recall", "f1"]
LOGGABLE = re.compile(r"[\w :-]+([./][\w :-]+)*")  # MLflow takes such names, where a dot becomes a slash,
LONGEST = 200  # and of up to 250 characters in all


def headline(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return the accuracy and the mean cross-entropy (natural logarithm).

    A true class of probability 0 counts as one of 2.2e-16, so that the loss stays a number.
    """
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    loss = log_loss(labels, exact, labels=range(exact.shape[1]))
    return {"accuracy": _rounded(accuracy_score(labels, probabilities.argmax(axis=1))), "loss": _rounded(loss)}


def loggable(scores: dict[str, Any]) -> dict[str, Any]:
    """Return scores with a number in place of each class whose name MLflow refuses as a part of a metric's name."""
    by_class = {
        metric: {_loggable(name, number): value for number, (name, value) in enumerate(values.items())}
        for metric, values in scores["test"].items()
        if isinstance(values, dict)
    }
    return scores | {"test": scores["test"] | by_class}


def top_2_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of images whose true class is one of the two most probable."""
    best_two = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return _rounded(np.mean((best_two == labels[:, None]).any(axis=1)))


def per_class(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Tabulate `precision`, `recall`, `f1` and `support` (how many images there are), a row a class.

    A class that is never predicted has precision 0, one that never occurs has recall 0.
    """
    predicted, classes = probabilities.argmax(axis=1), range(probabilities.shape[1])
    columns = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    return pd.DataFrame(dict(zip([*BY_CLASS, "support"], columns, strict=True)))


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Count images by true class (rows) and predicted class (columns)."""
    counts = confusion_matrix(labels, probabilities.argmax(axis=1), labels=range(probabilities.shape[1]))
    return np.asarray(counts)


def row_normalised(counts: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; a row of zeros stays zeros."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def confused_pairs(counts: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Rank the pairs of a true class and a wrong one by how many images a confusion matrix has of them.

    Columns: `true`, `predicted`, `images`, and `share` of the true class. Pairs without an image are left out, equal
    ones stand in the order of the classes.
    """
    table = cells(counts, class_names)
    wrong = table[(table["true"] != table["predicted"]) & (table["images"] > 0)]
    return wrong.sort_values("images", ascending=False, kind="stable", ignore_index=True)


def cells(counts: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Tabulate a confusion matrix, a row a cell: `true` and `predicted` class, `images`, `share` of the true class."""
    true, predicted = np.indices(counts.shape).reshape(2, -1)
    names = np.array(class_names)
    shares = row_normalised(counts).ravel()
    return pd.DataFrame({"true": names[true], "predicted": names[predicted], "images": counts.ravel(), "share": shares})


def _rounded(value: Any) -> float:
    return round(float(value), DECIMALS)


def _loggable(name: str, number: int) -> str:
    return name if LOGGABLE.fullmatch(name) and len(name) <= LONGEST else f"class {number}"
