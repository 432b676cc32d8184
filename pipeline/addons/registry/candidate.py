"""Which training of params.yaml is the best, and whether it is better than the champion."""

from dataclasses import dataclass

import numpy as np

from pipeline import addons
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Params, Training
from pipeline.evaluation import checks, records, significance
from pipeline.evaluation.checks import Check
from pipeline.evaluation.records import Evaluation
from pipeline.tracking import paths, stale


class Refused(Exception):  # noqa: N818  # no error: the rules say no
    """The rules keep a model from becoming champion; the message is one line."""


@dataclass(frozen=True)
class Candidate:
    """A training with its evaluation, and the checks of the gate that it fails."""

    training: Training
    evaluation: Evaluation
    failed: list[Check]

    def failures(self) -> str:
        """Say in words which limits it does not keep."""
        return f"{self.training.name} {', '.join(map(checks.failure, self.failed))}"


def choose(params: Params, name: str | None, *, force: bool = False) -> Candidate:
    """Return the training of highest validation accuracy among those that pass the gate (all if forced).

    `name`, of a model or a training, narrows the choice; where it leaves one training, that one is returned, whatever
    the gate says. The test split does not choose: its accuracy would then be the luckiest of several. Raise `Refused`
    if none passes.
    """
    trainings = params.trainings_of(name) if name else params.trainings
    if name and len(trainings) == 1:
        return _candidate(params, trainings[0])
    candidates = [_candidate(params, training) for training in trainings if paths.evaluation(training).exists()]
    if not candidates:
        raise InputError(f"{paths.EVALUATIONS} holds no {name or 'model of params.yaml'}: `dvc repro` makes it")
    passing = [candidate for candidate in candidates if force or not candidate.failed]
    if not passing:
        raise Refused("no training passes the gate: " + "; ".join(candidate.failures() for candidate in candidates))
    if len(passing) == 1:
        return passing[0]
    if not all("validation" in candidate.evaluation.scores for candidate in passing):
        raise InputError(
            "prepare.validation_fraction is 0, so no validation accuracy tells the best: give --model "
            f"{passing[0].training.name}, or another"
        )
    return max(passing, key=lambda candidate: float(candidate.evaluation.scores["validation"]["accuracy"]))


def require_current(training: Training) -> None:
    """Raise `InputError` unless evaluation, model and data on disk belong together, to params.yaml and to the code."""
    for line in stale.reasons([training], read=True):
        raise InputError(line)


def require_better(candidate: Candidate, theirs: np.ndarray, champion: str) -> None:
    """Raise `Refused` unless a candidate beats the champion beyond what the same test images can tell by chance.

    `theirs` are the champion's probabilities, (n, classes); `champion` says in words which one it is.
    """
    name, ours = candidate.training.name, candidate.evaluation.right
    right = candidate.evaluation.test.labels == theirs.argmax(axis=1)
    difference, accuracy = significance.difference(ours[None], right[None]), float(np.mean(right))
    if difference.accuracy <= 0 or difference.p_value >= significance.LEVEL:
        raise Refused(
            f"{name} is not better than the champion ({champion}) beyond the noise of the test images: accuracy "
            f"{accuracy + difference.accuracy:.4f} against {accuracy:.4f}, {difference.only_first} images only {name} "
            f"gets right, {difference.only_second} only the champion, p = {difference.p_value:.2g}, needed below "
            f"{significance.LEVEL} (exact McNemar); --force promotes it all the same"
        )


def _candidate(params: Params, training: Training) -> Candidate:
    evaluation = records.from_arrays(files.read_arrays(paths.evaluation(training)))
    gate = params.gate_of(training.model)
    metrics = addons.with_metrics(evaluation.all_scores, gate.metrics, training)
    found = checks.within_bounds(gate, training.model, [metrics])
    return Candidate(training, evaluation, [check for check in found if not check.passed])
