"""Whether pictures and answers are as those of the test split were, by a two-sample test of each number.

Rabanser et al. ("Failing Loudly", 2019) found that of many tests this one notices most shifts with few pictures: a
Kolmogorov–Smirnov test of each of the network's probabilities (Lipton et al. 2018), adjusted for how many tests there
are. Here a few numbers of the pixels join them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from pipeline.addons.drift.observations import PIXELS, Observed
from pipeline.evaluation import significance

LEVEL = 0.01  # how often pictures like the test split's raise an alarm, at most


def compare(test: Observed, seen: Observed, class_names: Sequence[str]) -> pd.DataFrame:
    """Tabulate what is noted of images, the test split's against those seen, what has moved furthest first.

    Of each number: both means, the KS distance (0 the same, 1 nothing in common), and the p-value among all tests.
    """
    before, now = _numbers(test, class_names), _numbers(seen, class_names)
    tests = [stats.ks_2samp(before[name], now[name], method="asymp") for name in before]
    columns = {
        "what": list(before),
        "test split": [float(values.mean()) for values in before.values()],
        "seen": [float(values.mean()) for values in now.values()],
        "distance": [float(found.statistic) for found in tests],
        "p-value": significance.holm([float(found.pvalue) for found in tests]),
    }
    return pd.DataFrame(columns).sort_values("distance", ascending=False, kind="stable", ignore_index=True)


def moved(compared: pd.DataFrame) -> int:
    """Count the numbers that differ by more than chance."""
    return int((compared["p-value"] < LEVEL).sum())


def _numbers(observed: Observed, class_names: Sequence[str]) -> dict[str, np.ndarray]:
    probabilities = observed["probabilities"].astype(np.float64).round(4)  # as the log has them
    return {
        **{name: observed[name].round(2) for name in PIXELS},
        "confidence": probabilities.max(axis=1),
        **{f"probability of {name}": probabilities[:, index] for index, name in enumerate(class_names)},
    }
