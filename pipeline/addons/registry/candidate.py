"""Which training of params.yaml is the best: of highest validation accuracy among those that pass the gate."""

from dataclasses import dataclass

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Params, Training
from pipeline.evaluation import checks, records
from pipeline.evaluation.checks import Check
from pipeline.evaluation.records import Evaluation
from pipeline.tracking import paths, stale, timing


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
    evaluated = [training for training in trainings if paths.evaluation(training).exists()]
    if not evaluated:
        raise InputError(f"{paths.EVALUATIONS} holds no {name or 'model of params.yaml'}: `dvc repro` makes it")
    candidates = [_candidate(params, training) for training in evaluated]
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


def _candidate(params: Params, training: Training) -> Candidate:
    evaluation = records.from_arrays(files.read_arrays(paths.evaluation(training)))
    gate = params.gate_of(training.model)
    scores = timing.added(evaluation.all_scores, gate, training)
    found = checks.within_bounds(gate, training.model, [scores])
    return Candidate(training, evaluation, [check for check in found if not check.passed])
