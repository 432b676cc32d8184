"""Compares the accuracies of two models where nobody knows which images each gets right."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation import significance
from pipeline.evaluation.significance import Difference, Variance


def difference(first: Sequence[float], second: Sequence[float], images: int) -> Difference:
    """Compare two models by the accuracies of their seeds alone, each on as many images, which may be the same ones.

    Welch's t-test (1947), and with more seeds the variance that they bring, as in `significance.difference`. Of the
    same images it errs on the careful side, since what both models find hard is counted as chance.
    """
    by_images = significance.added(*(_of_share(float(np.mean(accuracies)), images) for accuracies in (first, second)))
    by_seeds = None
    if len(first) > 1 and len(second) > 1:
        by_seeds = significance.added(*(significance.of_mean(np.array(accuracies)) for accuracies in (first, second)))
    mean = float(np.mean(first) - np.mean(second))
    variance = significance.added(by_images, by_seeds) if by_seeds else by_images
    low, high, p_value = significance.t_test(mean, variance)
    seeds = by_seeds.value**0.5 if by_seeds else None
    return Difference(mean, low, high, p_value, None, None, by_images.value**0.5, seeds)


def p_worse(found: Difference) -> float:
    """Return the p-value of the first model's being worse, one-sided: all tests of a difference are symmetric."""
    return found.p_value / 2 if found.accuracy < 0 else 1 - found.p_value / 2


def _of_share(share: float, images: int) -> Variance:
    """Return the variance of a share of so many images."""
    freedom = max(1, images - 1)
    return Variance(share * (1 - share) / freedom, freedom)
