"""Measures whether a model's probabilities can be trusted.

Confidence is the probability of the predicted class. Labels are integers of (n,), probabilities of (n, classes).
"""

import numpy as np
import pandas as pd

from pipeline.evaluation.extending import Findings, Subject

BINS = 15
ROWS = 100
SURE = 0.8  # of the images, the share of the greatest confidence


def evaluate(subject: Subject) -> Findings:
    """Return `calibration_error`, and tables of it, of the reliability in bins that have images, and of coverage.

    The first has one row: calibration error, mean confidence and accuracy at 80 % coverage.
    """
    labels, probabilities = subject.test.labels, subject.test.probabilities
    bins, shares = reliability(labels, probabilities), coverage(labels, probabilities)
    error = expected_error(labels, probabilities)
    row = {
        "calibration error": error,
        "mean confidence": float(probabilities.max(axis=1).mean(dtype=float)),
        f"accuracy at {100 * SURE:.0f} % coverage": shares["accuracy"][shares["coverage"].searchsorted(SURE)],
    }
    tables = {"calibration": pd.DataFrame([row]), "reliability": bins[bins["images"] > 0], "coverage": shares}
    return Findings({"calibration_error": error}, tables)


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Tabulate accuracy beside confidence in 15 bins of equal width; a bin's upper end is within it, its lower is not.

    Columns: `low` and `high`, the bin's ends; the mean `confidence` and the `accuracy`, NaN in a bin without images;
    `images`.
    """
    confidence, right = _confidence_and_right(labels, probabilities)
    ends = np.linspace(0, 1, BINS + 1)
    values = pd.DataFrame({"confidence": confidence, "accuracy": right})
    bins = values.groupby(np.searchsorted(ends[1:-1], confidence))
    table = pd.DataFrame({"low": ends[:-1], "high": ends[1:]}).join(bins.mean())
    return table.assign(images=bins.size().reindex(range(BINS), fill_value=0))


def expected_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the expected calibration error, from 0 to 1 (Guo, Pleiss, Sun & Weinberger 2017).

    It is the mean over all images of the gap between accuracy and confidence in an image's bin of `reliability`. Even
    of a model without any gap, few images show some.
    """
    bins = reliability(labels, probabilities)
    gaps = (bins["accuracy"] - bins["confidence"]).abs() * bins["images"]
    return float(gaps.sum() / len(labels))


def coverage(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Tabulate the accuracy on the most certain share of the images, for at most 100 shares, the smallest first.

    Columns: `coverage`, the share, above 0 and up to 1; `images`; `confidence`, the least among them; `accuracy`.
    Equally certain images count as equally right, so that their order plays no part (El-Yaniv & Wiener 2010).
    """
    confidence, right = _confidence_and_right(labels, probabilities)
    order = np.argsort(-confidence, kind="stable")
    right = pd.Series(right).groupby(confidence).transform("mean").to_numpy()
    rows = min(ROWS, len(labels))
    images = np.arange(1, rows + 1) * len(labels) // rows
    return pd.DataFrame(
        {
            "coverage": images / len(labels),
            "images": images,
            "confidence": confidence[order][images - 1],
            "accuracy": np.cumsum(right[order])[images - 1] / images,
        }
    )


def _confidence_and_right(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each image's confidence and, as 0 or 1, whether the prediction is right, both float64 of (n,)."""
    return probabilities.max(axis=1).astype(float), (probabilities.argmax(axis=1) == labels).astype(float)
