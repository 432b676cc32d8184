"""Measures the calibration of one training."""

from pipeline.addons.calibration import measuring
from pipeline.evaluation.extending import Findings, Subject


def evaluate(subject: Subject) -> Findings:
    """Return `calibration_error`, and tables of it, of the reliability in bins that have images, and of coverage."""
    labels, probabilities = subject.test.labels, subject.test.probabilities
    bins = measuring.reliability(labels, probabilities)
    tables = {
        "calibration": measuring.summary(labels, probabilities),
        "reliability": bins[bins["images"] > 0],
        "coverage": measuring.coverage(labels, probabilities),
    }
    return Findings({"calibration_error": float(tables["calibration"]["calibration error"].iloc[0])}, tables)
