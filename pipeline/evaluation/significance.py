"""What the test images and the seeds can tell: how sure an accuracy is, and which models differ.

Which images a model gets right is an array of bool, (seeds, n): a row for each of its trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.05


class Variance(NamedTuple):
    """The variance of a mean, and its degrees of freedom."""

    value: float
    freedom: float


@dataclass(frozen=True)
class Difference:
    """By how much a first model is more accurate than a second, with the interval of 95 % and the p-value.

    `only_first` and `only_second` count the images that one of them gets right with more of its seeds, None where it is
    not known which. `by_images` and `by_seeds` are the standard deviations of the difference that other images and
    other seeds would bring; `by_seeds` is None where there is one seed, which tells nothing of others.
    """

    accuracy: float
    low: float
    high: float
    p_value: float
    only_first: int | None
    only_second: int | None
    by_images: float
    by_seeds: float | None


def accuracy_interval(right: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a model's accuracy: what other test images of this kind, and other seeds, might give.

    Of one seed, it is Wilson's (1927), and speaks of the images alone; of several, Student's, as in `difference`.
    """
    if len(right) == 1:
        interval = stats.binomtest(int(right.sum()), right.size).proportion_ci(1 - LEVEL, method="wilson")
        return float(interval.low), float(interval.high)
    variance = added(of_mean(right.mean(axis=0)), of_mean(right.mean(axis=1)))
    low, high, _ = t_test(float(right.mean()), variance)
    return max(0.0, low), min(1.0, high)


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Compare which of the same images two models get right, bool of (seeds, n) each.

    One seed each: McNemar's exact test (1947), the chance of a split at least as uneven were both networks equally
    good, and Bonett and Price's interval (2012); both speak of these two networks. More seeds: a t-test whose variance
    is that of the images plus that of each model's seeds, with Satterthwaite's (1946) degrees of freedom. It takes
    images and seeds as random both, as Obuchowski and Rockette (1995) do with cases and readers; what is chance of one
    image with one seed counts in both, so that it errs on the careful side.
    """
    shares = first.mean(axis=0) - second.mean(axis=0)
    only_first, only_second = int(np.sum(shares > 0)), int(np.sum(shares < 0))
    images, seeds = of_mean(shares), None
    if len(first) > 1 and len(second) > 1:
        seeds = added(of_mean(first.mean(axis=1)), of_mean(second.mean(axis=1)))
        low, high, p_value = t_test(float(shares.mean()), added(images, seeds))
    else:
        low, high = _paired_interval(only_first, only_second, shares.size)
        p_value = stats.binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    return Difference(
        accuracy=float(shares.mean()),
        low=low,
        high=high,
        p_value=float(p_value),
        only_first=only_first,
        only_second=only_second,
        by_images=images.value**0.5,
        by_seeds=seeds.value**0.5 if seeds else None,
    )


def adjusted(differences: Mapping[Any, Difference]) -> dict[Any, Difference]:
    """Return differences with their p-values adjusted for how many they are, as `holm` does."""
    p_values = holm([one.p_value for one in differences.values()])
    return {
        name: replace(one, p_value=p_value) for (name, one), p_value in zip(differences.items(), p_values, strict=True)
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for how many there are (Holm 1979), so that all of them hold together at one level."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    found = np.empty(len(p_values))
    found[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return [float(value) for value in found]


def of_mean(values: np.ndarray) -> Variance:
    """Return the variance of the mean of some values; 0 of one value, which tells nothing."""
    variance = float(values.var(ddof=1)) / values.size if values.size > 1 else 0.0
    return Variance(variance, max(1, values.size - 1))


def added(*variances: Variance) -> Variance:
    """Add variances, with the degrees of freedom of their sum (Satterthwaite 1946)."""
    total = sum(variance.value for variance in variances)
    spread = sum(variance.value**2 / variance.freedom for variance in variances)
    return Variance(total, total**2 / spread if spread else min(variance.freedom for variance in variances))


def t_test(mean: float, variance: Variance) -> tuple[float, float, float]:
    """Return both ends of the 95 % interval of a mean and the p-value of its being 0."""
    if not variance.value:
        return mean, mean, 0.0 if mean else 1.0
    error = variance.value**0.5
    low, high = stats.t.interval(1 - LEVEL, variance.freedom, mean, error)
    return float(low), float(high), float(2 * stats.t.sf(abs(mean) / error, variance.freedom))


def _paired_interval(only_first: int, only_second: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval of a difference of paired accuracies (Bonett & Price 2012), never of no width."""
    first, second = (only_first + 1) / (images + 2), (only_second + 1) / (images + 2)
    error = ((first + second - (first - second) ** 2) / (images + 2)) ** 0.5
    low, high = stats.norm.interval(1 - LEVEL, first - second, error)
    return max(-1.0, float(low)), min(1.0, float(high))
