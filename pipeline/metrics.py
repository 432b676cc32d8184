"""Numbers from labels and probabilities, by NumPy and scikit-learn."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import metrics as sklearn_metrics

DECIMALS = 6
LOGGABLE = re.compile(r"[\w :-]+([./][\w :-]+)*")  # MLflow takes such names, where a dot becomes a slash,
LONGEST = 200  # and of up to 250 characters in all


def scores(evaluation: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return what metrics.json holds, from an evaluation's `class_names`, and labels and probabilities by split.

    Without a validation part, there are no validation figures. Probabilities that are means over each test image and
    its mirror image, where the evaluation has them, give a `mirrored_accuracy` and a `mirrored_loss`.
    """
    labels_and_probabilities = {
        split: (evaluation[f"{split}_labels"], evaluation[f"{split}_probabilities"])
        for split in ("train", "validation", "test")
        if f"{split}_labels" in evaluation
    }
    tested = labels_and_probabilities.pop("test")
    mirrored = evaluation.get("test_mirrored_probabilities")
    both = {} if mirrored is None else headline(tested[0], mirrored)
    return {
        **{split: headline(*pair) for split, pair in labels_and_probabilities.items()},
        "test": summary(*tested, evaluation["class_names"].tolist())
        | {f"mirrored_{name}": value for name, value in both.items()},
        "parameters": int(evaluation["parameters"]),
        "model_bytes": int(evaluation["model_bytes"]),
    }


def loggable(scores: dict[str, Any]) -> dict[str, Any]:
    """Return scores with a number in place of each class whose name MLflow refuses as a part of a metric's name."""
    by_class = {
        metric: {_loggable(name, number): value for number, (name, value) in enumerate(values.items())}
        for metric, values in scores["test"].items()
        if isinstance(values, dict)
    }
    return scores | {"test": scores["test"] | by_class}


def headline(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return the accuracy and the mean cross-entropy (natural logarithm), probabilities being (n, classes).

    A true class of probability 0 counts as one of 2.2e-16, so that the loss stays a number.
    """
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    classes = np.arange(exact.shape[1])
    return {
        "accuracy": _rounded(np.mean(labels == probabilities.argmax(axis=1))),
        "loss": _rounded(sklearn_metrics.log_loss(labels, exact, labels=classes)),
    }


def summary(labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> dict[str, Any]:
    """Return the headline, top-2 accuracy, macro averages, and precision, recall and F1 of each class by its name.

    A class that is never predicted has precision 0, one that never occurs has recall 0.
    """
    rows = per_class(labels, probabilities)
    best_two = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return {
        **headline(labels, probabilities),
        "top_2_accuracy": _rounded(np.mean((best_two == labels[:, None]).any(axis=1))),
        **{f"macro_{name}": _rounded(np.mean(values)) for name, values in rows.items() if name != "support"},
        **{
            name: dict(zip(class_names, map(_rounded, values), strict=True))
            for name, values in rows.items()
            if name != "support"
        },
    }


def per_class(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Return `precision`, `recall`, `f1` and `support` (how many images there are), an array of (classes,) each."""
    values = sklearn_metrics.precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=np.arange(probabilities.shape[1]), zero_division=0
    )
    return dict(zip(("precision", "recall", "f1", "support"), values, strict=True))


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Count images by true class (rows) and predicted class (columns)."""
    classes = np.arange(probabilities.shape[1])
    counts: np.ndarray = sklearn_metrics.confusion_matrix(labels, probabilities.argmax(axis=1), labels=classes)
    return counts


def row_normalised(counts: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; a row of zeros stays zeros."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _loggable(name: str, number: int) -> str:
    return name if LOGGABLE.fullmatch(name) and len(name) <= LONGEST else f"class {number}"


def _rounded(value: Any) -> float:
    return round(float(value), DECIMALS)
