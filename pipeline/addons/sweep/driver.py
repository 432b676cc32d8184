"""Asks for trials, starts them, and keeps what came of them, until all are done: in one process, whoever trains."""

from collections.abc import Callable
from typing import Any

from pipeline.addons.sweep import sampling, trials
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.training import Job
from pipeline.addons.sweep.trials import RUNNING, Trial
from pipeline.addons.sweep.workers import Workers
from pipeline.base.errors import InputError
from pipeline.tracking import folders


def run(
    plan: Plan, dataset: dict[str, str], sweep_run: str, workers: Workers, told: Callable[[list[Trial], Trial], None]
) -> list[Trial]:
    """Run what is left of a sweep and return all its trials; those that were broken off go on first.

    `dataset` describes the data for MLflow, `sweep_run` is the sweep's own journal by its id. `told` is called with all
    trials and the one that has just ended.
    """
    known = trials.read(plan.name, plan.identity)
    broken_off = [trial for trial in known if trial.state == RUNNING]
    running: dict[Any, int] = {}
    while True:
        _forget_states(plan, known)
        while len(running) < plan.sweep.at_once:
            trial = broken_off.pop(0) if broken_off else _asked(plan, known)
            if trial is None:
                break
            ended_before = [other for other in known if other.state != RUNNING]
            running[workers.start(Job(plan, trial, ended_before, dataset, sweep_run))] = trial.number
        if not running:
            return known
        work, ended = workers.wait(list(running))
        _require_unchanged(plan, ended)
        known[running.pop(work)] = ended
        trials.write(plan.name, plan.identity, known)
        told(known, ended)


def left(plan: Plan, known: list[Trial]) -> tuple[int | None, float | None]:
    """Return how many trials are still to end, and about how many seconds that takes; None where nothing tells it."""
    ended = [trial for trial in known if trial.state != RUNNING]
    mean = _spent(plan, known) / len(ended) if ended else None
    count = None if plan.sweep.trials is None else max(plan.sweep.trials, len(known)) - len(ended)
    seconds = [] if mean is None or count is None else [count * mean]
    if plan.sweep.minutes:
        seconds.append(max(0.0, plan.sweep.minutes * 60 - _spent(plan, known)))
    return count, min(seconds, default=None)


def _asked(plan: Plan, known: list[Trial]) -> Trial | None:
    """Ask for one more trial and keep it, or return None where there shall be no more."""
    sweep = plan.sweep
    if len(known) == sweep.trials or (sweep.minutes and _spent(plan, known) >= sweep.minutes * 60):
        return None
    values = sampling.ask(plan.raw, sweep, known)
    if values is None:
        return None
    trial = Trial(len(known), values, plan.fingerprint(values))
    known.append(trial)
    trials.write(plan.name, plan.identity, known)
    return trial


def _require_unchanged(plan: Plan, trial: Trial) -> None:
    if plan.fingerprint(trial.values) != trial.fingerprint:
        raise InputError(
            f"the code or data changed while trial {trial.number} ran: put back what was and start the sweep again, or "
            f"delete {trials.folder(plan.name)} to begin anew"
        )


def _spent(plan: Plan, known: list[Trial]) -> float:
    """Return how many seconds the trials have taken, side by side as they are."""
    return sum(trial.seconds for trial in known) / plan.sweep.at_once


def _forget_states(plan: Plan, known: list[Trial]) -> None:
    """Drop what trainings that have ended could go on from, but for the best: `dvc repro` makes its model from it."""
    best = trials.best(plan.sweep, known)
    for trial in known:
        if trial.state != RUNNING and trial not in best:
            folders.drop_states(trial.fingerprint)
