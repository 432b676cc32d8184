"""Asks for trials, has them trained, here or by Ray, and keeps what came of them, until all are done."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial

from pipeline.addons.ray import connection
from pipeline.addons.sweep import training, trials
from pipeline.addons.sweep.definition import Resources
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.training import Job, Outcome
from pipeline.addons.sweep.trials import FAILED, RUNNING
from pipeline.base import processor
from pipeline.base.errors import InputError
from pipeline.tracking import description, journals

RETRIES = 3  # of a trial whose process died


class Workers(NamedTuple):
    """`start` begins a job and returns a handle; `wait` returns one of several that has ended, and what came of it."""

    start: Callable[[Job], Any]
    wait: Callable[[list[Any]], tuple[Any, Outcome]]


def run(
    plan: Plan,
    study: optuna.Study,
    sweep_run: str,
    workers: Workers,
    told: Callable[[FrozenTrial], None],
) -> None:
    """Run what is left of a sweep; trials that were broken off go on first.

    `sweep_run` is the sweep's own journal by its id. `told` is called with each trial that has just ended.
    """
    pending, running = _pending(plan, study), dict[Any, int]()
    while True:
        _forget_states(study)
        for trial in itertools.islice(pending, plan.sweep.at_once - len(running)):
            values, fingerprint = trials.values(plan.sweep, trial), trial.user_attrs["fingerprint"]
            params, trained = plan.params(values), plan.training
            described = description.of_training(params, trained, fingerprint)
            described.tags |= {"sweep.training": sweep_run, "sweep.name": plan.name, "sweep.trial": str(trial.number)}
            job = Job(plan.sweep, params.models[trained.model], trained.seed, described, ended(study))
            running[workers.start(job)] = trial.number
        if not running:
            return
        work, outcome = workers.wait(list(running))
        _keep(plan, study, number := running.pop(work), outcome)
        told(study.trials[number])


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """List the trials that have ended, whatever came of them."""
    return [trial for trial in study.trials if trial.state != RUNNING]


def here(after_epoch: Callable[[], None]) -> Workers:
    """Train in this process, when waited for; `after_epoch` is called after each epoch."""
    return Workers(lambda job: partial(training.train, job, after_epoch), lambda jobs: (jobs[0], jobs[0]()))


@contextmanager
def on_ray(resources: Resources) -> Iterator[Workers]:
    """Train as Ray's tasks, each with its resources in a process of its own, which Ray starts again should it die.

    Raise `InputError` where no machine has as much.
    """
    with connection.connected() as ray:
        _require_room(ray, resources)
        options = {"num_cpus": resources.cpus, "num_gpus": resources.gpus, "max_retries": RETRIES, "max_calls": 1}
        died = (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError)
        task = ray.remote(**options)(_train_in)

        def wait(waiting: list[Any]) -> tuple[Any, Outcome]:
            (work, *_), _ = ray.wait(waiting)
            try:
                outcome = ray.get(work)
            except died as error:
                reason = f"its process died {RETRIES + 1} times: {str(error).splitlines()[0]:.100}"
                return work, Outcome(FAILED, [], {"scores": {}, "seconds": 0.0, "threads": 0, "reason": reason})
            if isinstance(outcome, Exception):
                raise outcome
            return work, outcome

        yield Workers(lambda job: task.remote(str(Path.cwd()), resources.cpus, job), wait)


def _train_in(folder: str, cpus: int, job: Job) -> Outcome | Exception:
    """Train a trial in a process of Ray's; what ends the whole sweep is returned, since Ray would wrap it."""
    os.environ.setdefault(processor.THREADS, str(cpus))
    try:
        with contextlib.chdir(folder):
            return training.train(job)
    except (InputError, OSError) as error:
        return error


def _require_room(ray: Any, resources: Resources) -> None:
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= resources.cpus and node.get("GPU", 0) >= resources.gpus for node in machines):
        wanted = f"{resources.cpus} CPU, {resources.gpus} GPU"
        have = "; ".join(f"{node.get('CPU', 0):g} CPU, {node.get('GPU', 0):g} GPU" for node in machines)
        raise InputError(f"resources: a trial needs {wanted}, and the machines have {have}: ask for less")


def _pending(plan: Plan, study: optuna.Study) -> Iterator[FrozenTrial]:
    """Yield the trials to run: those that were broken off, then new ones, while there shall be more."""
    yield from study.get_trials(states=(RUNNING,))
    sweep = plan.sweep
    while not sweep.trials or len(study.trials) < sweep.trials:
        spent = sum(trial.user_attrs["seconds"] for trial in ended(study)) / sweep.at_once  # side by side
        ends = sweep.minutes and spent >= sweep.minutes * 60
        if ends or not (trial := trials.sampled(plan.raw, sweep, study.trials)):
            return
        trial.set_user_attr("fingerprint", plan.fingerprint(trials.values(sweep, trial)))
        study.add_trial(trial)
        yield study.trials[-1]


def _keep(plan: Plan, study: optuna.Study, number: int, outcome: Outcome) -> None:
    """Keep what came of a trial, its state last; raise `InputError` if code or data changed while it ran."""
    known = study.trials[number]
    if plan.fingerprint(trials.values(plan.sweep, known)) != known.user_attrs["fingerprint"]:
        raise InputError(
            f"the code or data changed while trial {number} ran: put back what was and start the sweep again, or "
            f"delete {trials.folder(plan.name)} to begin anew"
        )
    trial = optuna.Trial(study, known._trial_id)
    for epoch, figure in enumerate(outcome.epochs, 1):
        if epoch not in known.intermediate_values:  # as after a kill just here
            trial.report(figure, epoch)
    for name, value in outcome.attributes.items():
        trial.set_user_attr(name, value)
    scores = outcome.attributes["scores"]
    study.tell(trial, [scores[name] for name in plan.sweep.objectives] if scores else None, outcome.state)


def _forget_states(study: optuna.Study) -> None:
    """Drop what trainings that have ended could go on from, but for the best: `dvc repro` makes its model from it."""
    best = [trial.number for trial in trials.best(study)]
    for trial in ended(study):
        if trial.number not in best:
            journals.drop_states(trial.user_attrs["fingerprint"])
