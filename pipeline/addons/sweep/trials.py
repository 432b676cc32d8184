"""The trials of a sweep, by Optuna: kept on disk, which to try next, whether to go on with one, which is the best.

They are a study in `.sweeps/<name>/trials.log`, which one process alone writes. A trial has its fingerprint from its
start, and once it has ended what `Outcome` has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.addons.sweep.definition import Sweep
from pipeline.addons.sweep.plan import Plan, Values
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.tracking import journals

RUNNING, COMPLETE, PRUNED, FAILED = TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
STATES = {COMPLETE: "complete", PRUNED: "pruned", FAILED: "failed", RUNNING: "running"}
ATTEMPTS = 50  # at values that no trial has had, of which TPE,
INSISTENT = 10  # which may stay with what it has found, has the first; then chance has them

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(kw_only=True)
class Outcome:
    """What came of a trial: its state, `epochs` (the objective after each), and what the study keeps as attributes.

    Those are all that is measured, not the objective alone, the threads, which decide about the last bits of the
    weights, and why it failed.
    """

    state: TrialState
    epochs: list[float] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    threads: int = 0
    reason: str | None = None


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
        study = _read(plan, folder(plan.name) / "trials.log")
        _require_same(plan, study)
        yield study


def ask(plan: Plan, study: optuna.Study) -> FrozenTrial | None:
    """Add a trial with values that no other has, and return it; None where there seem to be no more.

    A sampler begins anew each time, in a study in memory: the answer follows from the seed and the known trials alone,
    also after a kill, and goes to disk whole.
    """
    sweep, known = plan.sweep, study.trials
    distributions = {key: dimension.distribution() for key, dimension in sweep.space.items()}
    tried = [values(sweep, trial) for trial in known]
    for attempt in range(ATTEMPTS):
        seed = sweep.seed + len(known) * ATTEMPTS + attempt
        sampler = TPESampler(seed=seed) if attempt < INSISTENT else RandomSampler(seed)
        asked = _in_memory(sweep, known, sampler=sampler).ask(distributions)
        trial = optuna.trial.create_trial(state=RUNNING, params=asked.params, distributions=distributions)
        if (found := values(sweep, trial)) not in tried:
            trial.set_user_attr("fingerprint", plan.fingerprint(found))
            study.add_trial(trial)
            return study.trials[-1]
    return None


def tell(plan: Plan, study: optuna.Study, number: int, outcome: Outcome) -> None:
    """Keep what came of a trial, its state last; raise `InputError` if code or data changed while it ran."""
    _require_same(plan, study)
    known = study.trials[number]
    trial = optuna.Trial(study, known._trial_id)
    for epoch, figure in enumerate(outcome.epochs, 1):
        if epoch not in known.intermediate_values:  # as after a kill just here
            trial.report(figure, epoch)
    for name, value in asdict(outcome).items():
        if name not in ("state", "epochs"):
            trial.set_user_attr(name, value)
    study.tell(trial, outcome.scores.get(plan.sweep.objective), outcome.state)
    _forget_states(study)


def values(sweep: Sweep, trial: FrozenTrial) -> Values:
    """Return a trial's values by key, as params.yaml has them, in the order of the space."""
    return {key: dimension.value(trial.params[key]) for key, dimension in sweep.space.items()}


def prunes(sweep: Sweep, known: list[FrozenTrial], epochs: list[float]) -> bool:
    """Say whether a trial with these figures of its epochs so far is not worth going on with, beside known ones."""
    if sweep.pruner == "none":
        return False
    trial = _in_memory(sweep, known, pruner=optuna.pruners.MedianPruner()).ask()
    for epoch, figure in enumerate(epochs, 1):
        trial.report(figure, epoch)
    return trial.should_prune()


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """List the trials that have ended, whatever came of them."""
    return [trial for trial in study.trials if trial.state != RUNNING]


def ranked(study: optuna.Study) -> list[FrozenTrial]:
    """List the complete trials, the best first."""
    complete = study.get_trials(states=(COMPLETE,))
    return sorted(complete, key=lambda trial: trial.values[0], reverse=study.direction == StudyDirection.MAXIMIZE)


def _read(plan: Plan, path: Path) -> optuna.Study:
    Path(f"{path}.lock").unlink(missing_ok=True)  # Optuna's own, and half a line: what a kill leaves
    if path.exists() and not (content := path.read_bytes()).endswith(b"\n"):
        files.write_bytes(path, content[: content.rfind(b"\n") + 1])
    try:
        storage, direction = JournalStorage(JournalFileBackend(str(path))), plan.sweep.direction
        study = optuna.create_study(storage=storage, study_name=plan.name, direction=direction, load_if_exists=True)
    except (ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error!r:.80}): delete {path.parent} to begin anew") from None
    if "identity" not in study.user_attrs:
        study.set_user_attr("identity", plan.identity())
    return study


def _require_same(plan: Plan, study: optuna.Study) -> None:
    if study.user_attrs["identity"] != plan.identity():
        raise InputError(
            f"{plan.source}: the search space, the model, the data or the code changed since this sweep began: put "
            f"back what was, rename the sweep's file, or delete {folder(plan.name)} to begin anew"
        )


def _forget_states(study: optuna.Study) -> None:
    """Drop what trainings that have ended could go on from, but for the best: `dvc repro` makes its model from it."""
    best = ranked(study)[:1]
    for trial in ended(study):
        if trial not in best:
            journals.drop_states(trial.user_attrs["fingerprint"])


def _in_memory(sweep: Sweep, known: list[FrozenTrial], **how: Any) -> optuna.Study:
    study = optuna.create_study(direction=sweep.direction, **how)
    study.add_trials(known)
    return study
