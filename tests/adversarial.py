"""Labels and probabilities of a few images: all right, all wrong, alone, alike."""

import numpy as np

CASES: dict[str, tuple[list[int], list[list[float]]]] = {
    "all right": ([0, 1, 2, 1], [[0.8, 0.1, 0.1], [0, 0.6, 0.4], [0, 0, 1], [0, 1, 0]]),
    "all wrong": ([1, 2, 0, 0], [[0.8, 0.1, 0.1], [0, 0.6, 0.4], [0, 0, 1], [0, 1, 0]]),
    "one class": ([1, 1, 1], [[0.2, 0.5, 0.3], [0.5, 0.2, 0.3], [0.1, 0.9, 0]]),
    "an empty class": ([0, 2, 2], [[0.2, 0.5, 0.3], [0.5, 0.2, 0.3], [0.1, 0.1, 0.8]]),
    "two images": ([0, 1], [[0.4, 0.6, 0], [0.4, 0.6, 0]]),
    "one image": ([0], [[0.4, 0.6, 0]]),
    "0 and 1": ([0, 1, 2], [[1, 0, 0], [1, 0, 0], [0, 0, 1]]),
    "ties": ([2, 2, 2, 0], [[0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0.5, 0, 0.5]]),
}


def arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels, (n,), and the probabilities, float32 of (n, 3), of a case."""
    labels, rows = CASES[name]
    return np.array(labels), np.array(rows, np.float32)
