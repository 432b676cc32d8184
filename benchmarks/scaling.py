"""What several workers gain: seconds a step of one and of two workers of one core each, and what more would take.

A step takes what does not shrink with a worker's share of the batch (the optimizer, most of all), the images of that
share, and the sum of the gradients. The first two are of one worker with whole and with half batches; the third is the
bytes that each of a ring of workers sends, over what two workers here send in a second, with nothing else to do. Two
workers, which the model has not seen, test it.

Times are those that a worker's core works, so that other work on the machine does not count; nor does what one worker
waits for the other. Prediction: two workers on two cores are 1.6 times as fast as one, for 20 MB of gradients go by
one machine's memory. What came: 1.4 times, and the model 4 % off. By the clock, on a machine with ten times more to do
than cores, two were 1.1 times as fast, for each step waits for the slower one.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.contestants import SCALING
from pipeline.base import processor
from pipeline.config import loading

BATCH, STEPS, ROUNDS, STARTS = 64, 10, 4, 1
SUMS = 10  # of the gradients alone
FLOAT = 4  # bytes
WORKERS = (8, 64)
NETWORKS = {"10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}  # bytes a second


class Step(NamedTuple):
    """What a step takes: seconds whatever the batch, and for each image; and how many gradients are summed."""

    fixed: float
    an_image: float
    parameters: int


def table() -> str:
    """Train by one and by two workers in turn, and return two Markdown tables."""
    took, parameters = measured()
    step = fitted(took["whole"], took["half"], parameters)
    here = bytes_sent(parameters, 2) / took["sum"]
    lines = ["| workers of one core | ms a step | by the model | images/s |", "|---:|---:|---:|---:|"]
    for workers, name in ((1, "whole"), (2, "two")):
        told = seconds(step, workers, here)
        lines.append(f"| {workers} | {took[name] * 1e3:.0f} | {told * 1e3:.0f} | {BATCH / took[name]:,.0f} |")
    lines += [
        "",
        f"`published/vgg` in batches of {BATCH}, medians; {step.fixed * 1e3:.0f} ms of a step do not shrink with "
        f"the batch. Each of two workers sends {bytes_sent(parameters, 2) / 1e6:.1f} MB a step, {here / 1e9:.2f} GB/s.",
        "",
        "| workers | MB sent a step | " + " | ".join(f"images/s by {name}" for name in NETWORKS) + " |",
        "|---:|---:|" + "---:|" * len(NETWORKS),
    ]
    for workers in WORKERS:
        rates = [BATCH / seconds(step, workers, speed) for speed in NETWORKS.values()]
        sent = bytes_sent(parameters, workers) / 1e6
        lines.append(f"| {workers} | {sent:.1f} | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |")
    return "\n".join(lines)


def bytes_sent(parameters: int, workers: int) -> float:
    """Return how many bytes each of a ring of workers sends to sum the gradients of a step."""
    return 2 * (workers - 1) / workers * FLOAT * parameters


def fitted(whole: float, half: float, parameters: int) -> Step:
    """Make the model of a step from the seconds that one worker takes for a whole and for half a batch."""
    an_image = (whole - half) / (BATCH / 2)
    return Step(whole - BATCH * an_image, an_image, parameters)


def seconds(step: Step, workers: int, bytes_a_second: float) -> float:
    """Return what a step takes by the model: of so many workers, each of which sends so many bytes a second."""
    return step.fixed + step.an_image * BATCH / workers + bytes_sent(step.parameters, workers) / bytes_a_second


def measured() -> tuple[dict[str, float], int]:
    """Return the seconds of a step, medians, and how many parameters the network has."""
    took: dict[str, list[float]] = {}
    for _ in range(STARTS):
        for name, workers, batch in (("whole", 1, BATCH), ("half", 1, BATCH // 2), ("two", 2, BATCH)):
            reply = _trained(workers, batch)
            took.setdefault(name, []).extend(reply["steps"])
            took.setdefault("sum", []).extend(reply["sums"])
            print(f"{name}: {statistics.median(reply['steps']) * 1e3:.0f} ms a step", flush=True)
    return {name: statistics.median(times) for name, times in took.items()}, reply["parameters"]


def _trained(workers: int, batch: int) -> Any:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (one, other)][:workers]
    known = {"cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]}}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scaling", str(batch)],
            env=os.environ | {"TF_CONFIG": json.dumps(known | {"task": {"type": "worker", "index": index}})},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for index in range(workers)
    ]
    replies = [process.communicate()[0] for process in processes]
    return json.loads(replies[0].splitlines()[-1])


def _work(worker: int, workers: int, batch: int) -> None:
    """Be a worker on one core, and print what it took."""
    os.environ[processor.THREADS] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[worker]})
    from pipeline.network import building, training  # noqa: I001  # first, or TensorFlow comes with its noise
    from pipeline.addons.ray import distributed
    import tensorflow as tf

    network = loading.load(Path("recipes/published/vgg.yaml")).models["vgg"]
    train = network.train.model_copy(update={"batch_size": batch, "epochs": ROUNDS + 1})
    images = np.random.default_rng(1).integers(0, 256, (batch * STEPS, 28, 28, 1), np.uint8)
    data = images, np.arange(len(images)) % 10
    times = [time.process_time()]

    def on_epoch(*_: object) -> None:
        times.append(time.process_time())

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    model = distributed.parallel(building.build(network, (28, 28, 1), 10, SCALING), strategy)
    training.fit(model, data, (images[:0], data[1][:0]), train, 1, on_epoch)
    steps = (np.diff(times)[1:] / STEPS).tolist()  # the first epoch also builds and warms up
    gradients = [np.zeros(variable.shape, np.float32) for variable in model.trainable_variables]
    sum_all = tf.function(lambda: strategy.run(distributed.summed, (gradients,)))
    sums = []
    for _ in range(SUMS if workers > 1 else 0):
        times.append(time.process_time())
        sum_all()
        sums.append(time.process_time() - times[-1])
    print(json.dumps({"steps": steps, "sums": sums[1:], "parameters": model.count_params()}))


if __name__ == "__main__":
    config = json.loads(os.environ["TF_CONFIG"])
    _work(config["task"]["index"], len(config["cluster"]["worker"]), int(sys.argv[1]))
