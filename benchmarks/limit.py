"""How near training comes to the processor's limit: its arithmetic a second beside that of a large matrix product.

An image's arithmetic is that of its convolutions and dense layers, three products each: outputs, gradient of the
inputs, gradient of the weights (the first layer's inputs need none, which is under 1 %). All else (pools, norms,
activations, optimizer, augmentation, an epoch's copy of the training's state) counts as none and takes its time; only
the few batches that are made ready while the product is taken are free. A second table says where a step's time goes,
by TensorFlow's profiler: time of operations, of which two may run at once.
"""

import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import recipes
from benchmarks.contestants import SCALING
from benchmarks.processes import alone
from pipeline.base import files
from pipeline.config import loading
from pipeline.data import arrays
from pipeline.network import building, quiet
from pipeline.tracking import paths

RECIPES = ("published/vgg", "fast", "strong", "best")
IMAGES, ROUNDS, SIDE = 5_120, 5, 4_096
KINDS = {  # what an operation is: the first whose pattern its name matches
    "input pipeline": "^(?!StatefulPartitionedCall)",
    "filters' gradient": "Conv2DBackpropFilter",
    "maps' gradient": "Conv2DBackpropInput",
    "convolution": "Conv2D:|FusedConv2D",
    "optimizer": "/(adam|muon|sgd|adam_w)/|ApplyAdam",
    "dense": "MatMul",
    "norms": "BatchNorm",
    "pools": "MaxPool",
    "activations": "Relu",
    "dropout": "dropout",
    "the rest": "",
}


class Training(NamedTuple):
    """What one recipe's training did; `shares` are of its operations' time."""

    precision: str
    images_per_second: float
    operations: float  # for one image
    product: float  # operations a second of the matrix product
    shares: dict[str, float]


def table() -> str:
    """Train each recipe's first model for some batches, and return two Markdown tables."""
    trainings = {name: alone(train, name) for name in RECIPES}
    lines = ["| | precision | images/s | MFLOP an image | GFLOP/s | of a matrix product, GFLOP/s | share |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|")
    for name, one in trainings.items():
        rate = one.images_per_second * one.operations
        cells = [one.precision, f"{one.images_per_second:,.0f}", f"{one.operations / 1e6:,.0f}", f"{rate / 1e9:,.0f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {one.product / 1e9:,.0f} | {rate / one.product:.2f} |")
    lines += ["", f"| share of operations' time | {' | '.join(trainings)} |", "|---|" + "---:|" * len(trainings)]
    for kind in KINDS:
        lines.append(f"| {kind} | " + " | ".join(f"{one.shares.get(kind, 0):.2f}" for one in trainings.values()) + " |")
    return "\n".join(lines)


def train(name: str) -> Training:
    """Train for some batches an epoch, the matrix product between epochs; the last epoch is profiled."""
    settings = loading.validate(recipes.suited(Path(f"recipes/{name}.yaml")))
    network = next(iter(settings.models.values()))
    images, labels = arrays.read(paths.TRAIN)
    quiet.import_tensorflow()
    import tensorflow as tf

    from pipeline.network import training

    training.make_deterministic(1)
    model = building.build(network, images.shape[1:], 10, SCALING)
    chosen = network.train.model_copy(update={"epochs": ROUNDS + 2})
    seconds, products, began, shares = [], [], 0.0, {}
    with tempfile.TemporaryDirectory() as folder:

        def on_epoch(row: training.Row, _: files.Arrays) -> None:
            nonlocal began, shares
            seconds.append(time.perf_counter() - began)
            if row["epoch"] == ROUNDS + 2:
                tf.profiler.experimental.stop()
                shares = _shares(Path(folder))
                return
            products.append(_product(network.train.precision.removeprefix("mixed_")))
            if row["epoch"] == ROUNDS + 1:
                tf.profiler.experimental.start(folder)
            began = time.perf_counter()

        training.fit(model, (images[:IMAGES], labels[:IMAGES]), (images[:0], labels[:0]), chosen, 1, on_epoch)
    speed = IMAGES / statistics.median(seconds[1:-1])  # the first epoch also builds
    return Training(network.train.precision, speed, arithmetic(model), statistics.median(products), shares)


def arithmetic(model: Any) -> float:
    """Count the multiplications and additions that one image takes in training."""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            places = 1 if len(layer.kernel.shape) == 2 else layer.output.shape[1] * layer.output.shape[2]
            total += 2 * places * layer.kernel.shape.num_elements() * 3
    return float(total)


def _product(dtype: str) -> float:
    import tensorflow as tf

    left, right = (tf.cast(tf.random.stateless_normal([SIDE, SIDE], [1, seed]), dtype) for seed in (1, 2))
    began = time.perf_counter()
    float(tf.matmul(left, right)[0, 0])
    return 2 * SIDE**3 / (time.perf_counter() - began)


def _shares(folder: Path) -> dict[str, float]:
    times: Counter[str] = Counter()
    for name, took in _operations(folder):
        times[next(kind for kind, pattern in KINDS.items() if re.search(pattern, name))] += took
    return {kind: took / times.total() for kind, took in times.items()}


def _operations(folder: Path) -> Iterator[tuple[str, int]]:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (path,) = folder.rglob("*.xplane.pb")
    for plane in xplane_pb2.XSpace.FromString(path.read_bytes()).planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if re.fullmatch(r"[^:]+:\w+", name):
                    yield name, event.duration_ps
