"""Which model of params.yaml may become champion: best by validation, past the gate, better on the test images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import files, fingerprint, gate, metrics, significance, tracking
from pipeline.errors import InputError
from pipeline.schema import Params

LEVEL = 0.05  # of McNemar's test
EVALUATIONS = Path("data/evaluations")


class Refused(Exception):  # noqa: N818  # no error: the rules say no
    """The rules keep a model from becoming champion; the message is one line."""


@dataclass(frozen=True)
class Candidate:
    """A model of params.yaml with its evaluation, its scores (as metrics.json), and the floors it is below."""

    name: str
    evaluation: files.Arrays
    scores: dict[str, Any]
    failed: list[str]


def choose(settings: Params, name: str | None, *, force: bool = False) -> Candidate:
    """Return the named model, or the one of highest validation accuracy among those that pass the gate (all if forced).

    The test split does not choose: its accuracy would then be the luckiest of several. Raise `Refused` if none passes.
    """
    if name:
        return _candidate(settings, name)
    evaluated = [key for key in settings.models if (EVALUATIONS / f"{key}.npz").exists()]
    if not evaluated:
        raise InputError(f"{EVALUATIONS} holds no model of params.yaml: `dvc repro` makes it")
    candidates = [_candidate(settings, key) for key in evaluated]
    passing = [candidate for candidate in candidates if force or not candidate.failed]
    if not passing:
        raise Refused("no model passes the gate: " + "; ".join(map(_failures, candidates)))
    if len(passing) == 1:
        return passing[0]
    if not all("validation" in candidate.scores for candidate in passing):
        raise InputError(
            "prepare.validation_fraction is 0, so no validation accuracy tells the best: give --model NAME"
        )
    return max(passing, key=lambda candidate: float(candidate.scores["validation"]["accuracy"]))


def _candidate(settings: Params, name: str) -> Candidate:
    model = settings.model(name)
    evaluation = files.read_arrays(EVALUATIONS / f"{name}.npz")
    scores = metrics.scores(evaluation)
    found = gate.checks(settings.model_copy(update={"models": {name: model}}), {name: scores})
    failed = [f"{metric} {value:.4f} < {floor:.4f}" for _, metric, value, floor in found if not value >= floor]
    return Candidate(name, evaluation, scores, failed)


def require_current(name: str) -> None:
    """Raise `InputError` unless evaluation, model and test split on disk are those that dvc.lock tells of together."""
    entries = tracking.entries_of(name)
    current = [fingerprint.md5(path) == md5 for path, md5 in tracking.data_of(entries)]
    if not current or not all(current):
        raise InputError(f"the evaluation of {name} is not of the model and test split on disk: run `dvc repro`")


def require_floors(candidate: Candidate) -> None:
    """Raise `Refused` for a candidate that is below a floor."""
    if candidate.failed:
        raise Refused(f"the gate fails: {_failures(candidate)}; --force promotes it all the same")


def _failures(candidate: Candidate) -> str:
    return f"{candidate.name} {', '.join(candidate.failed)}"


def require_better(candidate: Candidate, theirs: np.ndarray, champion: str) -> None:
    """Raise `Refused` unless a candidate beats the champion beyond what the same test images can tell by chance.

    `theirs` are the champion's probabilities, (n, classes); `champion` says in words which one it is.
    """
    labels = candidate.evaluation["test_labels"]
    compared = significance.difference(labels, candidate.evaluation["test_probabilities"], theirs)
    if compared["difference"] > 0 and compared["p_value"] < LEVEL:
        return
    accuracy, name = float(np.mean(labels == theirs.argmax(axis=1))), candidate.name
    raise Refused(
        f"{name} is not better than the champion ({champion}) beyond the noise of the "
        f"test images: accuracy {accuracy + compared['difference']:.4f} against {accuracy:.4f}, "
        f"{compared['only_first']} images only {name} gets right, {compared['only_second']} only the champion, "
        f"p = {compared['p_value']:.2g}, needed below {LEVEL} (exact McNemar); --force promotes it all the same"
    )
