"""Trains trials of a sweep, several at once by Ray: as the stage `train` would, but for the files that DVC keeps."""

import contextlib
import io
import itertools
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from optuna import TrialPruned
from optuna.trial import FrozenTrial

from pipeline.addons.ray import connection
from pipeline.addons.sweep import trials
from pipeline.addons.sweep.definition import ACCURACY, LOSS, PARAMETERS
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, STATES, Outcome
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.config.models import Model
from pipeline.data import arrays
from pipeline.tracking import description, journals, paths
from pipeline.tracking.journals import Journal

RETRIES = 3  # of a trial whose process died


class Job(NamedTuple):
    """A trial to train, the trials that had ended before it, for the pruner, and what its run in MLflow tells.

    `sweep_run` is the sweep's own journal by its id.
    """

    plan: Plan
    trial: FrozenTrial
    ended: list[FrozenTrial]
    sweep_run: str


def train(job: Job, after_epoch: Callable[[], None] = lambda: None) -> Outcome:
    """Train a trial, from where it was if it was broken off, and return what came of it.

    Its journal is kept as any training's. Values that are no model together, and a loss that is no longer a number,
    fail the trial, nothing else.
    """
    plan, training, outcome = job.plan, job.plan.training, Outcome(state=COMPLETE, threads=processor.threads())
    try:
        params = plan.params(trials.values(plan.sweep, job.trial))
    except InputError as error:
        return Outcome(state=FAILED, reason=str(error))
    described = description.of_training(params, training, job.trial.user_attrs["fingerprint"])
    described.tags |= {"sweep.run": job.sweep_run, "sweep.name": plan.name, "sweep.trial": str(job.trial.number)}
    with journals.opened(described, recorded=False) as journal:
        try:
            outcome.scores = _scores(job, params.models[training.model], journal, after_epoch)
        except TrialPruned:
            outcome.state = PRUNED
            journal.set_status("KILLED")
        except InputError as error:
            outcome.state, outcome.reason = FAILED, str(error)
            journal.set_status("FAILED")
        journal.tag({"sweep.state": STATES[outcome.state]})
    outcome.seconds = round(sum(journal.values("epoch/seconds")), 3)
    outcome.epochs = _epochs(job, journal)
    return outcome


def by_ray(ray: Any, jobs: Iterator[Job], at_once: int) -> Iterator[tuple[Job, Outcome]]:
    """Train as Ray's tasks, each in a process of its own, which Ray starts again should it die, and yield what came."""
    each = connection.shares(ray, at_once, "at_once")
    task, running = ray.remote(**each, max_retries=RETRIES, max_calls=1)(_train_in), dict[Any, Job]()
    while True:
        for job in itertools.islice(jobs, at_once - len(running)):
            running[task.remote(str(Path.cwd()), each["num_cpus"], job)] = job
        if not running:
            return
        (work, *_), _ = ray.wait(list(running))
        try:
            outcome = ray.get(work)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None  # as it would be without Ray
        except ray.exceptions.RayError as error:
            reason = f"its process died {RETRIES + 1} times: {str(error).splitlines()[0]:.100}"
            outcome = Outcome(state=FAILED, reason=reason)
        yield running.pop(work), outcome


def _train_in(folder: str, cores: int, job: Job) -> Outcome:
    """Train a trial in a process of Ray's."""
    os.environ.setdefault(processor.THREADS, str(cores))  # 0 for all
    with contextlib.chdir(folder):
        return train(job)


def _scores(job: Job, network: Model, journal: Journal, after_epoch: Callable[[], None]) -> dict[str, float]:
    """Train the network and return its scores, rounded as `evaluate` has them."""
    from pipeline.evaluation import metrics
    from pipeline.network import saving, temperature, training  # not for whoever starts trials

    seed, dataset = job.plan.training.seed, files.read_json(paths.DATASET)
    train, validation = arrays.read(paths.TRAIN, at_random=True), arrays.read(paths.VALIDATION)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # or it warns that each trial's network is compiled anew
    model = training.untrained(network, dataset, len(train[1]), seed)

    def on_epoch(row: training.Row, state: Arrays) -> None:
        journal.log_epoch(row, len(train[1]))
        after_epoch()
        so_far = _epochs(job, journal)
        if row["epoch"] < network.train.epochs and trials.prunes(job.plan.sweep, job.ended, so_far):
            raise TrialPruned  # before the state is kept: broken off here, the trial comes to the same end
        journal.save_state(state)

    with contextlib.redirect_stdout(io.StringIO()):  # a line an epoch
        learner, parts = training.to_learn(model, network, (train, validation))
        training.fit(learner, *parts, network.train, seed, on_epoch, journal.state())
    if network.train.temperature_scaling:
        model = temperature.scaled(model, validation)
    with tempfile.TemporaryDirectory() as folder:  # once saved, it may compute in another precision
        files.write_bytes(saved := Path(folder, "model.keras"), saving.to_bytes(model))
        model = saving.load(saved)
    headline = metrics.headline(validation[1], training.predict(model, validation[0]))
    scores = {ACCURACY: headline["accuracy"], LOSS: headline["loss"], PARAMETERS: model.count_params()}
    journal.log_metrics(scores)
    return scores


def _epochs(job: Job, journal: Journal) -> list[float]:
    """List the objective after each epoch."""
    return journal.values(f"epoch/{job.plan.sweep.objective.replace('.', '_')}")
