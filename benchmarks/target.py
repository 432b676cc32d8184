"""Seconds of training until a test accuracy is reached, at an epoch's end: recipes beside the published VGG.

The VGG is trained as its write-up does: Keras's `fit` on scaled arrays, batch 32, float32, the last quarter held out.
All score the test split after each epoch, and the clock runs through that as through building and compiling. Each
training has a process of its own; they take turns, seed by seed. Curves stay in `.benchmarks/`, so that a run that was
killed trains only what it has not got.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import clones, recipes
from benchmarks.processes import alone
from pipeline.base import files
from pipeline.config import loading
from pipeline.data import arrays, splits
from pipeline.network import building, quiet

Curve = list[tuple[float, float]]  # seconds since the start, and test accuracy, for each epoch
SEEDS = (1, 2, 3)
VGG_TARGET = 0.92


def table() -> str:
    """Train with every seed, and return a Markdown table of seconds to the targets, with medians."""
    folder = clones.kept("target")
    curves: dict[str, list[Curve]] = {name: [] for name in TRAININGS}
    for seed in SEEDS:
        for name, (target, train) in TRAININGS.items():
            curves[name].append(_kept(folder / f"{Path(name).stem}-{seed}.json", partial(train, seed)))
            print(f"{name}, seed {seed}: {target} after {seconds_to(target, curves[name][-1]):.1f} s", flush=True)
    lines = [f"| | on test | seconds, seeds {SEEDS} | median | at the end |", "|---|---:|---|---:|---|"]
    medians = {}
    for name, (target, _) in TRAININGS.items():
        times = [seconds_to(target, curve) for curve in curves[name]]
        medians[name] = statistics.median(times)
        ends = ", ".join(f"{curve[-1][1]:.4f}" for curve in curves[name])
        each = ", ".join(f"{value:.1f}" for value in times)
        lines.append(f"| {name} | {target} | {each} | {medians[name]:.1f} | {ends} |")
    return "\n".join([*lines, "", f"{FAST} is {medians[VGG] / medians[FAST]:.1f} times as fast as {VGG}."])


def _kept(file: Path, train: Callable[[], Curve]) -> Curve:
    if not file.exists():
        files.write_json(file, {"curve": alone(train)})
    return [(seconds, accuracy) for seconds, accuracy in files.read_json(file)["curve"]]


def seconds_to(target: float, curve: Curve) -> float:
    """Return when the accuracy first was `target` at an epoch's end; infinity if it never was."""
    return next((seconds for seconds, accuracy in curve if accuracy >= target), float("inf"))


def recipe(name: str, seed: int) -> Curve:
    """Train the recipe's model as its stage does, to its end."""
    settings = loading.validate(recipes.suited(Path(name)))
    (network,) = settings.models.values()
    raw = {split: arrays.read(Path("data/raw", split)) for split in ("train", "test")}
    rows = splits.three_parts({split: labels for split, (_, labels) in raw.items()}, settings.prepare)
    parts = {name: arrays.rows(raw[split], numbers) for name, (split, numbers) in rows.items()}
    scaling = splits.scaling(parts["train"][0], settings.prepare.scaling)
    quiet.import_tensorflow()
    from pipeline.network import training

    curve: Curve = []
    began = time.perf_counter()
    training.make_deterministic(seed)
    model = building.build(network, (28, 28, 1), 10, scaling)

    def on_epoch(row: training.Row, _: files.Arrays) -> None:
        curve.append((time.perf_counter() - began, row["validation_accuracy"]))

    training.fit(model, parts["train"], parts["test"], network.train, seed, on_epoch)
    return curve


def published(seed: int, accuracy: float = VGG_TARGET) -> Curve:
    """Train the published VGG until it has that test accuracy, or to its end."""
    raw = [arrays.read(Path("data/raw", part)) for part in ("train", "test")]
    (images, labels), test = ((part[0].astype(np.float32) / 255, part[1]) for part in raw)
    (network,) = loading.load(Path("recipes/published/vgg.yaml")).models.values()
    import keras  # not by `quiet`, which chooses oneDNN

    from benchmarks.contestants import plain_keras

    curve: Curve = []
    began = time.perf_counter()
    keras.utils.set_random_seed(seed)

    def on_epoch(_: int, logs: dict[str, float]) -> None:
        curve.append((time.perf_counter() - began, logs["val_accuracy"]))
        model.stop_training = logs["val_accuracy"] >= accuracy

    model, settings = plain_keras(network), network.train
    kept = len(labels) * 3 // 4
    model.fit(
        images[:kept],
        labels[:kept],
        settings.batch_size,
        epochs=settings.epochs,
        validation_data=test,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=on_epoch)],
        verbose=0,
    )
    return curve


FAST, STRONG, VGG = "recipes/fast.yaml", "recipes/strong.yaml", "the published VGG"
TRAININGS: dict[str, tuple[float, Callable[[int], Curve]]] = {
    FAST: (VGG_TARGET, partial(recipe, FAST)),
    STRONG: (0.94, partial(recipe, STRONG)),
    VGG: (VGG_TARGET, published),
}
