"""Where models fail: tables of test images by their numbers, the worst first, equal ones by number.

Labels are integers of (n,), probabilities of (n, classes); tables name classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def most_confident(labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Rank the misclassified images by the probability of the wrong class, the greatest first.

    Columns: `image`, `label`, `prediction`, `probability`.
    """
    predicted, names = probabilities.argmax(axis=1), np.array(class_names)
    wrong = np.flatnonzero(predicted != labels)
    columns = {
        "image": wrong,
        "label": names[labels[wrong]],
        "prediction": names[predicted[wrong]],
        "probability": probabilities[wrong, predicted[wrong]].astype(float),
    }
    return _ranked(columns, "probability", ascending=False)


def least_certain(labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Rank all images by the margin between their two most probable classes, the smallest first.

    Columns: `image`, `label`, `prediction`, `second`, `margin`; at least two classes.
    """
    order, names = np.argsort(-probabilities, axis=1, kind="stable")[:, :2], np.array(class_names)
    first, second = np.take_along_axis(probabilities.astype(float), order, axis=1).T
    columns = {
        "image": np.arange(len(labels)),
        "label": names[labels],
        "prediction": names[order[:, 0]],
        "second": names[order[:, 1]],
        "margin": first - second,
    }
    return _ranked(columns, "margin", ascending=True)


def never_right(labels: np.ndarray, trainings: Sequence[np.ndarray], class_names: Sequence[str]) -> pd.DataFrame:
    """Rank the images that all trainings get wrong by the mean probability of their true class, the least first.

    `trainings` holds each training's probabilities. Columns: `image`, `label`, `prediction`, the class that most of
    them say (of equally many, the first), `votes` for it, and the true class's `probability`.
    """
    predicted = np.stack([probabilities.argmax(axis=1) for probabilities in trainings])
    wrong, names = np.flatnonzero((predicted != labels).all(axis=0)), np.array(class_names)
    votes = (predicted[:, wrong, None] == np.arange(len(names))).sum(axis=0)
    true = np.mean([probabilities[wrong, labels[wrong]] for probabilities in trainings], axis=0, dtype=float)
    columns = {
        "image": wrong,
        "label": names[labels[wrong]],
        "prediction": names[votes.argmax(axis=1)],
        "votes": votes.max(axis=1),
        "probability": true,
    }
    return _ranked(columns, "probability", ascending=True)


def _ranked(columns: dict[str, np.ndarray], by: str, ascending: bool) -> pd.DataFrame:
    return pd.DataFrame(columns).sort_values(by, ascending=ascending, kind="stable", ignore_index=True)
