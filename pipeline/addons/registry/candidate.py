"""Which training of params.yaml is the best of those that pass the gate."""

from typing import NamedTuple

from pipeline import addons
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Params, Training
from pipeline.evaluation import checks, records
from pipeline.evaluation.records import Evaluation
from pipeline.tracking import paths, stale


class Refused(Exception):  # noqa: N818  # no error: the rules say no
    """The rules keep a model from becoming champion; the message is one line."""


class Candidate(NamedTuple):
    """A training with its evaluation."""

    training: Training
    evaluation: Evaluation


def choose(params: Params, name: str | None, *, force: bool = False) -> Candidate:
    """Return the training of highest validation accuracy among those that pass the gate (all if forced).

    `name`, of a model or a training, narrows the choice. The test split does not choose: its accuracy would then be
    the luckiest of several. Raise `Refused` if none passes.
    """
    trainings = params.trainings_of(name) if name else params.trainings
    evaluated = [training for training in trainings if paths.evaluation(training).exists()]
    if not evaluated:
        raise InputError(f"{paths.evaluation(trainings[0])} is missing: `dvc repro` makes it")
    passing, failures = list[Candidate](), list[str]()
    for training in evaluated:
        evaluation = records.from_arrays(files.read_arrays(paths.evaluation(training)))
        gate = params.gate_of(training.model)
        metrics = addons.with_metrics(evaluation.scores, gate.metrics, training)
        found = checks.within_bounds(gate, training.model, [metrics])
        failed = [checks.failure(check) for check in found if not check.passed]
        if failed and not force:
            failures.append(f"{training.name} {', '.join(failed)}")
        else:
            passing.append(Candidate(training, evaluation))
    if not passing:
        raise Refused(f"the gate fails: {'; '.join(failures)}; --force promotes all the same")
    return passing[0] if len(passing) == 1 else _best(passing)


def require_current(training: Training) -> None:
    """Raise `InputError` unless evaluation, model and data on disk belong together, to params.yaml and to the code."""
    for line in stale.reasons([training], read=True):
        raise InputError(line)


def _best(candidates: list[Candidate]) -> Candidate:
    """Return the candidate of highest validation accuracy; raise `InputError` where no validation part was held out."""
    if not all("validation" in candidate.evaluation.scores for candidate in candidates):
        raise InputError(
            "prepare.validation_fraction is 0, so no validation accuracy tells the best: give --model "
            f"{candidates[0].training.name}, or another"
        )
    return max(candidates, key=lambda candidate: float(candidate.evaluation.scores["validation"]["accuracy"]))
