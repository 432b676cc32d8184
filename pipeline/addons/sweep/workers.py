"""Trains trials one after the other, or several at once by Ray; each is asked for when there is room for it."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.addons.sweep import train
from pipeline.addons.sweep.definition import Sweep
from pipeline.addons.sweep.train import Job
from pipeline.addons.sweep.trials import Outcome
from pipeline.base import processor
from pipeline.base.errors import InputError

RETRIES = 3  # of a trial whose process died


def here(jobs: Iterator[Job], after_epoch: Callable[[], None]) -> Iterator[tuple[Job, Outcome]]:
    """Train in this process, and yield what came of each; `after_epoch` is called after each epoch."""
    for job in jobs:
        yield job, train.train(job, after_epoch)


def by_ray(ray: Any, jobs: Iterator[Job], sweep: Sweep) -> Iterator[tuple[Job, Outcome]]:
    """Train as Ray's tasks, each in a process of its own, which Ray starts again should it die.

    Raise `InputError` where no machine has what a trial needs.
    """
    _require_room(ray, sweep)
    options = {"num_cpus": sweep.cpus, "num_gpus": sweep.gpus, "max_retries": RETRIES, "max_calls": 1}
    task, running = ray.remote(**options)(_train_in), dict[Any, Job]()
    while True:
        for job in itertools.islice(jobs, sweep.at_once - len(running)):
            running[task.remote(str(Path.cwd()), sweep.cpus, job)] = job
        if not running:
            return
        (work, *_), _ = ray.wait(list(running))
        yield running.pop(work), _result(ray, work)


def _result(ray: Any, work: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(work)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError) as error:
        return train.failed(f"its process died {RETRIES + 1} times: {str(error).splitlines()[0]:.100}")
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # as it would be without Ray
    return outcome


def _train_in(folder: str, cpus: int, job: Job) -> Outcome:
    """Train a trial in a process of Ray's."""
    os.environ.setdefault(processor.THREADS, str(cpus))
    with contextlib.chdir(folder):
        return train.train(job)


def _require_room(ray: Any, sweep: Sweep) -> None:
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= sweep.cpus and node.get("GPU", 0) >= sweep.gpus for node in machines):
        raise InputError(f"cpus: {sweep.cpus}, gpus: {sweep.gpus}: no machine of Ray's has as much: ask for less")
