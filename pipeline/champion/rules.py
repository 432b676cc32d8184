"""Whether a candidate may become champion: past the gate, and better on the test images than the one in use."""

import numpy as np

from pipeline.champion.candidate import Candidate, Refused
from pipeline.evaluation import significance

LEVEL = 0.05  # of McNemar's test


def require_gate(candidate: Candidate) -> None:
    """Raise `Refused` for a candidate that fails a check of the gate."""
    if candidate.failed:
        raise Refused(f"the gate fails: {candidate.failures()}; --force promotes it all the same")


def require_better(candidate: Candidate, theirs: np.ndarray, champion: str) -> None:
    """Raise `Refused` unless a candidate beats the champion beyond what the same test images can tell by chance.

    `theirs` are the champion's probabilities, (n, classes); `champion` says in words which one it is.
    """
    name, ours = candidate.training.name, candidate.evaluation.right
    right = candidate.evaluation.test.labels == theirs.argmax(axis=1)
    difference = significance.difference(ours[None], right[None])
    if difference.accuracy > 0 and difference.p_value < LEVEL:
        return
    accuracy = float(np.mean(right))
    raise Refused(
        f"{name} is not better than the champion ({champion}) beyond the noise of the "
        f"test images: accuracy {accuracy + difference.accuracy:.4f} against {accuracy:.4f}, "
        f"{difference.only_first} images only {name} gets right, {difference.only_second} only the champion, "
        f"p = {difference.p_value:.2g}, needed below {LEVEL} (exact McNemar); --force promotes it all the same"
    )
