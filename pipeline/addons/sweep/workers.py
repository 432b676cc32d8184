"""Who trains the trials: this process, one after the other, or Ray's, as many at once as there is room for."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.addons.ray import connection
from pipeline.addons.sweep import training
from pipeline.addons.sweep.definition import Resources
from pipeline.addons.sweep.training import Job
from pipeline.addons.sweep.trials import FAILED, Trial
from pipeline.base import processor
from pipeline.base.errors import InputError

RETRIES = 3  # of a trial whose process died


class Workers(NamedTuple):
    """`start` begins a job and returns a handle; `wait` returns one of several that has ended, and its trial."""

    start: Callable[[Job], Any]
    wait: Callable[[list[Any]], tuple[Any, Trial]]


def here(after_epoch: Callable[[], None]) -> Workers:
    """Train in this process, when waited for; `after_epoch` is called after each epoch."""

    def wait(waiting: list[Any]) -> tuple[Any, Trial]:
        return waiting[0], waiting[0]()

    return Workers(lambda job: lambda: training.train(job, after_epoch), wait)


@contextmanager
def on_ray(resources: Resources) -> Iterator[Workers]:
    """Train as Ray's tasks, each with its resources in a process of its own, which Ray starts again should it die.

    Raise `InputError` where no machine has as much.
    """
    with connection.connected() as ray:
        _require_room(ray, resources)
        options = {"num_cpus": resources.cpus, "num_gpus": resources.gpus, "max_retries": RETRIES, "max_calls": 1}
        died = (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError)
        task, jobs = ray.remote(**options)(_train_in), dict[Any, Job]()

        def start(job: Job) -> Any:
            work = task.remote(str(Path.cwd()), resources.cpus, job)
            jobs[work] = job
            return work

        def wait(waiting: list[Any]) -> tuple[Any, Trial]:
            (work, *_), _ = ray.wait(waiting)
            try:
                trial = ray.get(work)
            except died as error:
                reason = f"its process died {RETRIES + 1} times: {str(error).splitlines()[0]:.100}"
                return work, dataclasses.replace(jobs[work].trial, state=FAILED, reason=reason)
            if isinstance(trial, Exception):
                raise trial
            return work, trial

        yield Workers(start, wait)


def _train_in(folder: str, cpus: int, job: Job) -> Trial | Exception:
    """Train a trial in a process of Ray's; what ends the whole sweep is returned, since Ray would wrap it."""
    os.environ.setdefault(processor.THREADS, str(cpus))
    try:
        with contextlib.chdir(folder):
            return training.train(job)
    except (InputError, OSError) as error:
        return error


def _require_room(ray: Any, resources: Resources) -> None:
    wanted = {"CPU": resources.cpus, "GPU": resources.gpus}
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(machine.get(kind, 0) >= count for kind, count in wanted.items()) for machine in machines):
        most = ", ".join(f"{max(machine.get(kind, 0) for machine in machines):g} {kind}" for kind in wanted)
        raise InputError(
            f"resources: a trial needs {resources.cpus} CPU, {resources.gpus} GPU, no machine of the cluster has more "
            f"than {most}: ask for less"
        )
