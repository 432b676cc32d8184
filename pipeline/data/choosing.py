"""Which rows of an array stand for all."""

import numpy as np


def spread(count: int, wanted: int) -> np.ndarray:
    """Return the numbers of so many of `count` rows, or of all if there are fewer, at even distances."""
    wanted = min(wanted, count)
    return np.arange(wanted) * count // max(1, wanted)
