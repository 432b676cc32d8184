"""Which model of params.yaml is the best: of highest validation accuracy among those that pass the gate."""

from dataclasses import dataclass

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Params
from pipeline.evaluation import floors, records
from pipeline.evaluation.floors import Check
from pipeline.evaluation.records import Evaluation
from pipeline.runs import fingerprints, lock, paths


class Refused(Exception):  # noqa: N818  # no error: the rules say no
    """The rules keep a model from becoming champion; the message is one line."""


@dataclass(frozen=True)
class Candidate:
    """A model of params.yaml with its evaluation, and the checks of the gate that it fails."""

    name: str
    evaluation: Evaluation
    failed: list[Check]

    def failures(self) -> str:
        """Say in words which floors it is below."""
        below = [f"{check.metric} {check.value:.4f} < {check.floor:.4f}" for check in self.failed]
        return f"{self.name} {', '.join(below)}"


def choose(params: Params, name: str | None, *, force: bool = False) -> Candidate:
    """Return the named model, or the one of highest validation accuracy among those that pass the gate (all if forced).

    The test split does not choose: its accuracy would then be the luckiest of several. Raise `Refused` if none passes.
    """
    if name:
        return _candidate(params, name)
    evaluated = [key for key in params.models if paths.evaluation(key).exists()]
    if not evaluated:
        raise InputError(f"{paths.EVALUATIONS} holds no model of params.yaml: `dvc repro` makes it")
    candidates = [_candidate(params, key) for key in evaluated]
    passing = [candidate for candidate in candidates if force or not candidate.failed]
    if not passing:
        raise Refused("no model passes the gate: " + "; ".join(candidate.failures() for candidate in candidates))
    if len(passing) == 1:
        return passing[0]
    if not all("validation" in candidate.evaluation.scores for candidate in passing):
        raise InputError(
            "prepare.validation_fraction is 0, so no validation accuracy tells the best: give --model NAME"
        )
    return max(passing, key=lambda candidate: float(candidate.evaluation.scores["validation"]["accuracy"]))


def require_current(name: str) -> None:
    """Raise `InputError` unless evaluation, model and test split on disk are those that dvc.lock tells of together."""
    stages = lock.trained(name)
    if not stages or not all(fingerprints.md5(path) == md5 for stage in stages for path, md5 in stage.data().items()):
        raise InputError(f"the evaluation of {name} is not of the model and test split on disk: run `dvc repro`")


def _candidate(params: Params, name: str) -> Candidate:
    params.model(name)  # or an error that says which there are
    evaluation = records.from_arrays(files.read_arrays(paths.evaluation(name)))
    checks = floors.of_model(params, name, evaluation.scores)
    return Candidate(name, evaluation, [check for check in checks if not check.passed])
