"""One training on several workers, each an actor of Ray; when one dies, all begin anew after the last whole epoch.

Workers may be on other machines. Images, states and weights go through Ray alone; files are the caller's.
"""

import json
import os
import socket
from collections.abc import Callable
from typing import Any

import pandas as pd

from pipeline.addons.ray.connection import connected, shares
from pipeline.base import errors, processor
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.base.progress import Progress
from pipeline.config import models
from pipeline.data.arrays import LabelledRows

Row = dict[str, float]
OnEpoch = Callable[[Row, Arrays], None]
REPLACED = 3  # times at most that workers are, or a defect of ours would never end
PATIENCE = 60.0  # seconds for all workers to have a place


def fit(
    model: Any,
    labelled: LabelledRows,
    validation: LabelledRows,
    train: models.Train,
    seed: int,
    on_epoch: OnEpoch,
    state: Arrays | None = None,
) -> pd.DataFrame:
    """Train a Keras `model` in place by `train.workers` workers, and return its history, as `training.fit` does by one.

    All images pass into memory, Ray's, of which each machine has one copy. Raise `InputError` also where Ray is
    missing, or its cluster out of reach or without room.
    """
    from pipeline.addons.ray import distributed

    with connected() as ray:
        each = shares(ray, train.workers, "train.workers")
        network = model.get_config(), [variable.numpy() for variable in model.variables]
        given = ray.put((*network, (labelled[0][:], labelled[1]), (validation[0][:], validation[1]), train, seed))
        done = len((state or {}).get("history/epoch", ()))
        progress = Progress(train.epochs, done, at_most=bool(train.early_stopping))

        def told(row: Row, after: Arrays) -> None:
            nonlocal state
            state = after
            on_epoch(row, after)
            progress.epoch(row)

        for left in range(REPLACED, -1, -1):
            try:
                history, variables = _train(ray, each, train.workers, given, state, told)
                break
            except ray.exceptions.RayError as error:
                if isinstance(cause := getattr(error, "cause", None), InputError):
                    raise cause from None
                if not left:
                    raise
                print("a worker was lost: all go on after the last epoch that they finished", flush=True)
    distributed.assign(model, variables)
    return history


def _train(
    ray: Any, each: dict[str, int], workers: int, given: Any, state: Arrays | None, on_epoch: OnEpoch
) -> tuple[pd.DataFrame, list[Any]]:
    """Train with new workers, hand on each epoch, and return history and variables; raise what ends a worker."""
    from ray.util.queue import Queue

    worker = ray.remote(**each)(_Worker)
    actors, finished = [worker.remote() for _ in range(workers)], Queue(actor_options={"num_cpus": 0})
    try:
        try:
            addresses = ray.get([actor.address.remote() for actor in actors], timeout=PATIENCE)
        except ray.exceptions.GetTimeoutError:
            raise InputError(f"Ray has no room for {workers} workers now: wait, or lower train.workers") from None
        begun = ray.put(state)
        left = working = [
            actor.fit.remote(addresses, number, each["num_cpus"], given, begun, finished)
            for number, actor in enumerate(actors)
        ]
        with errors.interrupts_held_back() as raise_if_interrupted:
            while left:
                raise_if_interrupted()
                ended, left = ray.wait(left, timeout=0.5)
                for row, after in finished.get_nowait_batch(finished.qsize()):
                    on_epoch(row, after)
                ray.get(ended)  # raises what ended it
        made: tuple[pd.DataFrame, list[Any]] = ray.get(working[0])
        return made
    finally:
        for actor in actors:
            ray.kill(actor)
        finished.shutdown(force=True)


class _Worker:
    """One of the workers, in a process of its own."""

    def address(self) -> str:
        """Return a host and a port at which the others reach this one."""
        import ray

        util: Any = ray.util  # which has no types
        with socket.socket() as free:
            free.bind(("", 0))
            return f"{util.get_node_ip_address()}:{free.getsockname()[1]}"

    def fit(
        self, addresses: list[str], number: int, cores: int, given: Any, state: Arrays | None, finished: Any
    ) -> Any:
        """Train; the first tells of each epoch, and returns history and variables."""
        task = {"type": "worker", "index": number}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        os.environ[processor.THREADS] = str(cores)  # 0 for all
        from pipeline.addons.ray import distributed
        from pipeline.network import training

        def on_epoch(row: Row, after: Arrays) -> None:
            if number == 0:
                finished.put((row, after))

        network, variables, labelled, validation, train, seed = given
        model = distributed.worker(network, variables, seed)
        history = training.fit(model, labelled, validation, train, seed, on_epoch, state)
        return (history, [variable.numpy() for variable in model.variables]) if number == 0 else None
