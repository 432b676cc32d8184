"""One training on several workers, by Ray Train: it places them, and replaces those that die.

Workers may be on other machines. Images, states and weights go through Ray alone; files are the caller's.
"""

import os
import tempfile
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import pandas as pd

from pipeline.addons.ray.connection import connected
from pipeline.base import errors
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.base.progress import Progress
from pipeline.config import models
from pipeline.data.arrays import LabelledRows

Row = dict[str, float]
REPLACED = 3  # times at most that workers are, or a defect of ours would never end
LEFT_OUT = ("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "RAY_TRAIN_METRICS_ENABLED")  # processes that take seconds to start


def fit(
    model: Any,
    labelled: LabelledRows,
    validation: LabelledRows,
    train: models.Train,
    seed: int,
    on_epoch: Callable[[Row, Arrays], None],
    state: Arrays | None = None,
) -> pd.DataFrame:
    """Train a Keras `model` in place by `train.workers` workers, and return its history, as `training.fit` does by one.

    All images pass into memory, Ray's, of which each machine has one copy. Raise `InputError` also where Ray is
    missing, or its cluster out of reach or without room.
    """
    from pipeline.addons.ray import distributed  # here, for the mailbox does without TensorFlow

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, connected() as ray:
        each = resources([node["Resources"] for node in ray.nodes() if node["Alive"]], train.workers)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        mailbox = ray.remote(num_cpus=0, scheduling_strategy=here)(_Mailbox).remote(state)
        given = {
            "network": model.get_config(),
            "variables": [variable.numpy() for variable in model.variables],
            "labelled": (labelled[0][:], labelled[1]),
            "validation": (validation[0][:], validation[1]),
            "train": train,
            "seed": seed,
            "threads": int(each.get("CPU", 0)),
        }
        trainer = _trainer({"mailbox": mailbox, "given": ray.put(given)}, train.workers, each, folder)
        done = len((state or {}).get("history/epoch", ()))
        progress = Progress(train.epochs, done, at_most=bool(train.early_stopping))
        _follow(_run(trainer), lambda: ray.get(mailbox.taken.remote()), progress, on_epoch)
        history, variables = ray.get(mailbox.result.remote())
    if isinstance(history, InputError):
        raise history
    distributed.assign(model, variables)
    return history


def resources(nodes: list[dict[str, float]], workers: int) -> dict[str, float]:
    """Return what each worker takes of the machines: a GPU if there are any, else as many cores as all can have.

    Raise `InputError` where there are too few.
    """
    kind = "GPU" if any(node.get("GPU") for node in nodes) else "CPU"
    have = [int(node.get(kind, 0)) for node in nodes]
    each = next((each for each in range(max(have), 0, -1) if sum(count // each for count in have) >= workers), 0)
    if not each:
        name = {"GPU": "GPUs", "CPU": "cores"}[kind]
        raise InputError(
            f"train.workers is {workers}, but Ray has {sum(have)} {name} in all: lower it, or add machines"
        )
    return {kind: 1 if kind == "GPU" else each}


def _trainer(sent: dict[str, Any], workers: int, each: dict[str, float], folder: str) -> Any:
    for name in LEFT_OUT:
        os.environ.setdefault(name, "0")
    import ray.train.tensorflow

    limits: dict[str, Any] = {"max_failures": REPLACED, "controller_failure_limit": 0}  # the latter in starting
    return ray.train.tensorflow.TensorflowTrainer(
        _work,
        train_loop_config=sent,
        scaling_config=ray.train.ScalingConfig(num_workers=workers, use_gpu="GPU" in each, resources_per_worker=each),
        run_config=ray.train.RunConfig(storage_path=folder, failure_config=ray.train.FailureConfig(**limits)),
    )


def _run(trainer: Any) -> futures.Future[None]:
    """Train in a thread, which is left behind if the training is interrupted: nothing wakes it where Ray has ended."""
    from ray.train import ControllerError

    running: futures.Future[None] = futures.Future()

    def fit() -> None:
        try:
            running.set_result(trainer.fit())
        except ControllerError as error:
            reason = str(error).splitlines()[0]
            running.set_exception(InputError(f"Ray starts no workers ({reason}): wait, or lower train.workers"))
        except Exception as error:
            running.set_exception(error)

    threading.Thread(target=fit, daemon=True).start()
    return running


def _follow(
    running: futures.Future[None],
    taken: Callable[[], tuple[int, list[tuple[Row, Arrays]]]],
    progress: Progress,
    on_epoch: Callable[[Row, Arrays], None],
) -> None:
    """Hand on each epoch, and say so in a line, until the training has ended; raise what ended it."""
    known = 1
    with errors.interrupts_held_back() as raise_if_interrupted:
        ended = False
        while not ended:
            raise_if_interrupted()
            ended = bool(futures.wait([running], timeout=0.5).done)
            starts, finished = taken()
            for row, state in finished:
                on_epoch(row, state)
                progress.epoch(row)
            if starts > known:
                known = starts
                print("a worker was lost: all go on after the last epoch that they finished", flush=True)
    running.result()


def _work(sent: dict[str, Any]) -> None:
    """Be one worker, in a process of its own."""
    import ray
    import ray.train

    from pipeline.addons.ray import distributed

    mailbox, first = sent["mailbox"], ray.train.get_context().get_world_rank() == 0
    state = ray.get(mailbox.start.remote(first))

    def on_epoch(row: Row, state: Arrays) -> None:
        if first:
            ray.get(mailbox.finish.remote(row, state))

    try:
        made: Any = distributed.fit(**ray.get(sent["given"]), on_epoch=on_epoch, state=state)
    except InputError as error:  # which is no reason to try again
        made = error, None
    if first:
        ray.get(mailbox.end.remote(made))


class _Mailbox:
    """What workers and caller have to tell each other, in a process of its own."""

    def __init__(self, state: Arrays | None) -> None:
        self.state, self.made = state, None
        self.starts, self.finished = 0, list[tuple[Row, Arrays]]()

    def start(self, first: bool) -> Arrays | None:
        self.starts += first
        return self.state

    def finish(self, row: Row, state: Arrays) -> None:
        self.finished.append((row, state))
        self.state = state

    def taken(self) -> tuple[int, list[tuple[Row, Arrays]]]:
        finished, self.finished = self.finished, []
        return self.starts, finished

    def end(self, made: Any) -> None:
        self.made = made

    def result(self) -> Any:
        return self.made
