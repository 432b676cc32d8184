"""Whether pictures and answers are as those of the test split were, by a two-sample test of each number.

Rabanser et al. ("Failing Loudly", 2019) found that of many tests this one notices most shifts with few pictures: a
Kolmogorov–Smirnov test of each of the network's probabilities (Lipton et al. 2018), adjusted for how many tests there
are. Here a few numbers of the pixels join them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from pipeline.addons.drift.observations import PIXELS, Observed
from pipeline.evaluation import significance

LEVEL = 0.01  # how often pictures like the test split's raise an alarm, at most


class Change(NamedTuple):
    """One number's means, its KS distance (0 the same, 1 nothing in common), and its p-value among all tests."""

    name: str
    test: float
    seen: float
    distance: float
    p_value: float

    @property
    def moved(self) -> bool:
        """Whether that is more than chance."""
        return self.p_value < LEVEL


def compare(test: Observed, seen: Observed, class_names: Sequence[str]) -> list[Change]:
    """List what is noted of images, the test split's against those seen, what has moved furthest first."""
    pairs = list(zip(_numbers(test, class_names).items(), _numbers(seen, class_names).values(), strict=True))
    tests = [stats.ks_2samp(before, now, method="asymp") for (_, before), now in pairs]
    adjusted = significance.holm([float(found.pvalue) for found in tests])
    changes = [
        Change(name, float(before.mean()), float(now.mean()), float(found.statistic), p_value)
        for ((name, before), now), found, p_value in zip(pairs, tests, adjusted, strict=True)
    ]
    return sorted(changes, key=lambda change: -change.distance)


def _numbers(observed: Observed, class_names: Sequence[str]) -> dict[str, np.ndarray]:
    probabilities = observed["probabilities"].astype(np.float64).round(4)  # as the log has them
    return {
        **{name: observed[name].round(2) for name in PIXELS},
        "confidence": probabilities.max(axis=1),
        **{f"probability of {name}": probabilities[:, index] for index, name in enumerate(class_names)},
    }


def in_words(change: Change) -> str:
    """Say what a number is on average, here and on the test split."""
    digits = 1 if change.name in PIXELS else 3
    return f"{change.name}: {change.seen:.{digits}f} on average, where the test images have {change.test:.{digits}f}"
