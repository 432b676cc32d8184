"""What the test images can tell: how sure an accuracy is, and which models they tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Difference:
    """Two models on the same images: by how much the first is more accurate, and McNemar's exact p-value.

    `only_first` and `only_second` count the images that only one of them gets right.
    """

    accuracy: float
    only_first: int
    only_second: int
    p_value: float


def accuracy_interval(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the accuracy (Wilson 1927): what other test images of this kind might give."""
    right = int(np.sum(labels == probabilities.argmax(axis=1)))
    interval = stats.binomtest(right, len(labels)).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def difference(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> Difference:
    """Compare two models' probabilities, (n, classes), for the same images with labels of (n,).

    The p-value is the chance of a split at least as uneven were both equally good (McNemar 1947). It speaks of these
    two trained networks; another seed would give other networks.
    """
    first_right, second_right = (labels == probabilities.argmax(axis=1) for probabilities in (first, second))
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(second_right & ~first_right))
    p_value = stats.binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    accuracy = float(np.mean(first_right) - np.mean(second_right))
    return Difference(accuracy, only_first, only_second, float(p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for how many there are (Holm 1979), so that all of them hold together at one level."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return [float(value) for value in adjusted]
