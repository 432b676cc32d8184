"""Whether a candidate is better on the test images than the champion, beyond chance."""

import numpy as np

from pipeline.addons.registry.candidate import Candidate, Refused
from pipeline.evaluation import significance


def require_better(candidate: Candidate, theirs: np.ndarray, champion: str) -> None:
    """Raise `Refused` unless a candidate beats the champion beyond what the same test images can tell by chance.

    `theirs` are the champion's probabilities, (n, classes); `champion` says in words which one it is.
    """
    name, ours = candidate.training.name, candidate.evaluation.right
    right = candidate.evaluation.test.labels == theirs.argmax(axis=1)
    difference = significance.difference(ours[None], right[None])
    if difference.accuracy > 0 and difference.p_value < significance.LEVEL:
        return
    accuracy = float(np.mean(right))
    raise Refused(
        f"{name} is not better than the champion ({champion}) beyond the noise of the "
        f"test images: accuracy {accuracy + difference.accuracy:.4f} against {accuracy:.4f}, "
        f"{difference.only_first} images only {name} gets right, {difference.only_second} only the champion, "
        f"p = {difference.p_value:.2g}, needed below {significance.LEVEL} (exact McNemar); "
        "--force promotes it all the same"
    )
