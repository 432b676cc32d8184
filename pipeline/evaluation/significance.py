"""What the test images and the seeds can tell: how sure an accuracy is, and which models differ.

Which images a model gets right is an array of bool, (seeds, n): a row for each of its trainings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.05  # of intervals and tests


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

    @property
    def p_worse(self) -> float:
        """The p-value of the first model's being worse, one-sided: both tests are symmetric."""
        return self.p_value / 2 if self.accuracy < 0 else 1 - self.p_value / 2


def accuracy_interval(right: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a model's accuracy: what other test images of this kind, and other seeds, might give.

    Of one seed, it is Wilson's (1927), and speaks of the images alone; of several, Student's, as in `difference`.
    """
    if len(right) == 1:
        interval = stats.binomtest(int(right.sum()), right.size).proportion_ci(1 - LEVEL, method="wilson")
        return float(interval.low), float(interval.high)
    low, high, _ = _t_test(float(right.mean()), [_by_images(right.mean(axis=0)), _by_seeds(right)])
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
    several = len(first) > 1 and len(second) > 1
    if several:
        seeds = [_by_seeds(first), _by_seeds(second)]
        low, high, p_value = _t_test(float(shares.mean()), [_by_images(shares), *seeds])
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
        by_images=_by_images(shares)[0] ** 0.5,
        by_seeds=sum(variance for variance, _ in seeds) ** 0.5 if several else None,
    )


def difference_of_accuracies(first: Sequence[float], second: Sequence[float], images: int) -> Difference:
    """Compare two models by the accuracies of their seeds alone, each on as many images, which may be the same ones.

    Welch's t-test (1947), and with more seeds the variance that they bring, as in `difference`. Of the same images
    it errs on the careful side, since what both models find hard is counted as chance.
    """
    by_images = [_of_share(float(np.mean(accuracies)), images) for accuracies in (first, second)]
    several = len(first) > 1 and len(second) > 1
    by_seeds = [_by_seeds(np.array(accuracies)[:, None]) for accuracies in (first, second)] if several else []
    mean = float(np.mean(first) - np.mean(second))
    low, high, p_value = _t_test(mean, [*by_images, *by_seeds])
    deviation = float(sum(variance for variance, _ in by_images) ** 0.5)
    seeds = float(sum(variance for variance, _ in by_seeds) ** 0.5) if several else None
    return Difference(mean, low, high, p_value, None, None, deviation, seeds)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for how many there are (Holm 1979), so that all of them hold together at one level."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return [float(value) for value in adjusted]


def _by_images(shares: np.ndarray) -> tuple[float, int]:
    """Return the variance of a mean over images, and its degrees of freedom."""
    return float(shares.var(ddof=1)) / shares.size if shares.size > 1 else 0.0, max(1, shares.size - 1)


def _of_share(share: float, images: int) -> tuple[float, int]:
    """Return the variance of a share of so many images, and its degrees of freedom."""
    freedom = max(1, images - 1)
    return share * (1 - share) / freedom, freedom


def _by_seeds(right: np.ndarray) -> tuple[float, int]:
    """Return the variance of a mean over seeds, and its degrees of freedom."""
    return float(right.mean(axis=1).var(ddof=1)) / len(right), len(right) - 1


def _sum_of_variances(parts: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Add variances, each given with its degrees of freedom, and return the sum with its own (Satterthwaite 1946)."""
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    return total, total**2 / spread if spread else float(min(freedom for _, freedom in parts))


def _t_test(mean: float, parts: Sequence[tuple[float, int]]) -> tuple[float, float, float]:
    """Return both ends of the 95 % interval of a mean and the p-value of its being 0."""
    variance, freedom = _sum_of_variances(parts)
    if not variance:
        return mean, mean, 0.0 if mean else 1.0
    margin = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * variance**0.5
    return mean - margin, mean + margin, float(2 * stats.t.sf(abs(mean) / variance**0.5, freedom))


def _paired_interval(only_first: int, only_second: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval of a difference of paired accuracies (Bonett & Price 2012), never of no width."""
    first, second = (only_first + 1) / (images + 2), (only_second + 1) / (images + 2)
    margin = float(stats.norm.ppf(1 - LEVEL / 2)) * ((first + second - (first - second) ** 2) / (images + 2)) ** 0.5
    return max(-1.0, first - second - margin), min(1.0, first - second + margin)
