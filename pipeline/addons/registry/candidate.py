"""Which training of params.yaml is the best of those that pass the gate."""

from collections.abc import Mapping

from pipeline import addons
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Params, Training
from pipeline.evaluation import checks, records
from pipeline.evaluation.records import Evaluation
from pipeline.tracking import paths


class Refused(Exception):  # noqa: N818  # no error: the rules say no
    """The rules keep a model from becoming champion; the message is one line."""


def choose(params: Params, name: str | None, *, force: bool = False) -> tuple[Training, Evaluation]:
    """Return the training of highest validation accuracy among those that pass the gate (all if forced), evaluated.

    `name`, of a model or a training, narrows the choice. The test split does not choose: its accuracy would then be
    the luckiest of several. Raise `Refused` if none passes.
    """
    trainings = params.trainings_of(name) if name else params.trainings
    evaluated = [training for training in trainings if paths.evaluation(training).exists()]
    if not evaluated:
        raise InputError(f"{paths.evaluation(trainings[0])} is missing: `dvc repro` makes it")
    passing, failures = dict[Training, Evaluation](), list[str]()
    for training in evaluated:
        evaluation = records.from_arrays(files.read_arrays(paths.evaluation(training)))
        gate = params.gate_of(training.model)
        metrics = addons.with_metrics(evaluation.all_scores, gate.metrics, training)
        found = checks.within_bounds(gate, training.model, [metrics])
        failed = [checks.failure(check) for check in found if not check.passed]
        if failed and not force:
            failures.append(f"{training.name} {', '.join(failed)}")
        else:
            passing[training] = evaluation
    if not passing:
        raise Refused(f"the gate fails: {'; '.join(failures)}; --force promotes all the same")
    best = _best(passing)
    return best, passing[best]


def _best(passing: Mapping[Training, Evaluation]) -> Training:
    """Return the training of highest validation accuracy, or the only one; raise `InputError` without such a part."""
    first, *others = passing
    if not others:
        return first
    if not all("validation" in evaluation.scores for evaluation in passing.values()):
        remedy = f"give --model {first.name}, or another"
        raise InputError(f"prepare.validation_fraction is 0, so no validation accuracy tells the best: {remedy}")
    return max(passing, key=lambda training: passing[training].scores["validation"]["accuracy"])
