"""The trials of a sweep, by Optuna: kept on disk, which to try next, whether to go on with one, which is the best.

They are a study in `.sweeps/<name>/trials.log`, which one process alone writes. A trial has its fingerprint from its
start, and once it has ended the attributes `scores` (all that is measured, not only the objectives), `seconds`,
`threads` (which decide about the last bits of its weights), and `reason`, why it failed.
"""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.samplers import BaseSampler, BruteForceSampler, RandomSampler, TPESampler
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.addons.sweep import space
from pipeline.addons.sweep.definition import Dimension, Sweep
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.space import Raw, Values
from pipeline.base import files
from pipeline.base.errors import InputError

RUNNING, COMPLETE, PRUNED, FAILED = TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
STATES = {COMPLETE: "complete", PRUNED: "pruned", FAILED: "failed", RUNNING: "running"}
ATTEMPTS = 50  # at values that no trial has had, of which TPE,
INSISTENT = 10  # which may stay with what it has found, has the first; then chance has them
DIGITS = 4  # of a sampled number, so that params.yaml stays readable
STEP_DIGITS = 10  # of one with a step

optuna.logging.set_verbosity(optuna.logging.WARNING)


def folder(name: str) -> Path:
    """Return where a sweep keeps what it knows."""
    return Path(".sweeps", name)


@contextmanager
def opened(plan: Plan) -> Iterator[optuna.Study]:
    """Open a sweep's study, or begin it, as the only process.

    Raise `InputError` if another is at it, or if it is of another space, model, data or code.
    """
    folder(plan.name).mkdir(parents=True, exist_ok=True)
    try:
        owned = FileLock(folder(plan.name) / "owner.lock").acquire(timeout=0)
    except Timeout:
        raise InputError(f"{folder(plan.name)}: another process is at this sweep: wait for it, or end it") from None
    with owned:
        yield _study(plan, folder(plan.name) / "trials.log")


def _study(plan: Plan, path: Path) -> optuna.Study:
    Path(f"{path}.lock").unlink(missing_ok=True)  # Optuna's own, and half a line: what a kill leaves
    if path.exists() and not (content := path.read_bytes()).endswith(b"\n"):
        files.write_bytes(path, content[: content.rfind(b"\n") + 1])
    try:
        storage, ways = JournalStorage(JournalFileBackend(str(path))), list(plan.sweep.objectives.values())
        study = optuna.create_study(storage=storage, study_name=plan.name, directions=ways, load_if_exists=True)
    except (ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error!r:.80}): delete {path.parent} to begin anew") from None
    if "identity" not in study.user_attrs:
        study.set_user_attr("identity", plan.identity)
    if study.user_attrs["identity"] != plan.identity:
        raise InputError(
            f"{path}: the search space, the model, the data or the code changed since this sweep began: put back what "
            f"was, rename the sweep's file, or delete {path.parent} to begin anew"
        )
    return study


def sampled(raw: Raw, sweep: Sweep, known: list[FrozenTrial]) -> FrozenTrial | None:
    """Return a trial to run with values that none of the known ones has; None where there seem to be no more.

    A sampler begins anew each time, in a study in memory: the answer follows from the seed and the known trials alone,
    also after a kill, and goes to disk whole.
    """
    tried = [values(sweep, trial) for trial in known]
    for attempt in range(ATTEMPTS):
        asked = _in_memory(sweep, known, sampler=_sampler(sweep, len(known), attempt)).ask()
        found = space.chosen(raw, sweep, partial(suggested, asked))
        if found not in tried:
            coded = {key: json.dumps(value) if sweep.space[key].choices else value for key, value in found.items()}
            return optuna.trial.create_trial(state=RUNNING, params=coded, distributions=asked.distributions)
    return None


def values(sweep: Sweep, trial: FrozenTrial) -> Values:
    """Return a trial's values by key, in the order of the space; Optuna knows choices as JSON."""
    coded = {key: trial.params[key] for key in sweep.space if key in trial.params}
    return {key: json.loads(value) if sweep.space[key].choices else value for key, value in coded.items()}


def prunes(sweep: Sweep, known: list[FrozenTrial], epochs: list[float]) -> bool:
    """Say whether a trial with these figures of its epochs so far is not worth going on with, beside known ones."""
    if sweep.pruner == "none":
        return False
    trial = _in_memory(sweep, known, pruner=optuna.pruners.MedianPruner()).ask()
    for epoch, figure in enumerate(epochs, 1):
        trial.report(figure, epoch)
    return trial.should_prune()


def best(study: optuna.Study) -> list[FrozenTrial]:
    """List the complete trials that no other beats: the best one, or of several objectives the front, ranked."""
    front = study.best_trials
    return ranked(study, front) if len(study.directions) > 1 else front[:1]


def ranked(study: optuna.Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Sort complete trials by the first objective, the best first."""
    greatest_first = study.directions[0] == StudyDirection.MAXIMIZE
    return sorted(trials, key=lambda trial: trial.values[0], reverse=greatest_first)


def importance(study: optuna.Study, objective: int) -> dict[str, float]:
    """Return how much of an objective's variance each key accounts for (fANOVA, Hutter 2014); {} if none."""
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    try:
        return optuna.importance.get_param_importances(
            study, evaluator=evaluator, target=lambda trial: trial.values[objective]
        )
    except (ValueError, RuntimeError):  # of a single trial; of many that are all alike
        return {}


def _in_memory(sweep: Sweep, known: list[FrozenTrial], **how: Any) -> optuna.Study:
    study = optuna.create_study(directions=list(sweep.objectives.values()), **how)
    study.add_trials(known)
    return study


def _sampler(sweep: Sweep, number: int, attempt: int) -> BaseSampler:
    seed = int(np.random.SeedSequence([sweep.seed, number, attempt]).generate_state(1)[0])
    if sweep.sampler == "grid":
        with warnings.catch_warnings(action="ignore"):  # that it is experimental
            return BruteForceSampler(seed)
    return RandomSampler(seed) if sweep.sampler == "random" or attempt >= INSISTENT else TPESampler(seed=seed)


def suggested(asked: optuna.Trial, key: str, dimension: Dimension) -> Any:
    """Ask Optuna for a key's value."""
    if dimension.choices:
        return json.loads(asked.suggest_categorical(key, [json.dumps(choice) for choice in dimension.choices]))
    low, high, step, log = dimension.low, dimension.high, dimension.step, dimension.log
    if dimension.whole:
        return asked.suggest_int(key, int(low), int(high), step=int(step or 1), log=log)
    digits = STEP_DIGITS if step else DIGITS
    return min(max(float(f"{asked.suggest_float(key, low, high, step=step, log=log):.{digits}g}"), low), high)
