"""A process that trains the published VGG, an epoch whenever it is told to; `benchmarks.speed` starts several.

`contestants NAME BATCH_SIZE PRECISION IMAGES`: each epoch's seconds are a line of their own, and a line on standard
input begins the next.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base import processor
from pipeline.config import loading
from pipeline.config.models import Model
from pipeline.data import arrays
from pipeline.network import building, quiet
from pipeline.tracking import paths

EPOCHS = 1_000  # more than anybody asks for: who has started the process ends it
SCALING = {"scale": [1 / 255], "offset": [0.0]}
REPLY = "seconds "


class Pace:
    """Tells at each epoch's end how long it took, and lets the next one begin when it is time."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.ended: float | None = None

    def __call__(self, *_: object) -> None:
        """Be told that an epoch has ended, now or when `ended` says."""
        print(f"\n{REPLY}{(self.ended or time.perf_counter()) - self.began}", flush=True)
        if not sys.stdin.readline():
            sys.exit()
        self.began = time.perf_counter()


def this_project(network: Model, images: np.ndarray, labels: np.ndarray, pace: Pace) -> None:
    """Train as the stage does, without a validation part."""
    from pipeline.network import training

    training.make_deterministic(1)
    model = building.build(network, (28, 28, 1), 10, SCALING)
    training.fit(model, (images, labels), (images[:0], labels[:0]), network.train, 1, pace)


def keras_fit(network: Model, images: np.ndarray, labels: np.ndarray, pace: Pace) -> None:
    """Train as the write-up does: scaled arrays in float32, `fit`."""
    scaled, settings = images.astype(np.float32) / 255, network.train
    plain_keras(network).fit(
        scaled, labels, settings.batch_size, epochs=settings.epochs, verbose=0, callbacks=_paced(pace)
    )


def keras_augmented(network: Model, images: np.ndarray, labels: np.ndarray, pace: Pace) -> None:
    """Train as the write-up does: `ImageDataGenerator`."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    settings = network.train
    assert settings.augmentation
    ranges = settings.augmentation.model_dump(exclude={"shift_pixels", "erasing"})
    generator = ImageDataGenerator(rescale=1 / 255, **ranges)
    batches = generator.flow(images, labels, settings.batch_size)
    plain_keras(network).fit(batches, epochs=settings.epochs, verbose=0, callbacks=_paced(pace))


def pytorch(network: Model, images: np.ndarray, labels: np.ndarray, pace: Pace) -> None:
    """Train the same network by a plain loop: maps with channels last, fused Adam, oneDNN."""
    import torch

    torch.set_num_threads(processor.threads())
    half = network.train.precision == "mixed_bfloat16"
    model = _pytorch_network(network).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 0.001, eps=1e-7, fused=True)
    pixels, classes = torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels.astype(np.int64))
    while True:
        for chosen in torch.randperm(len(classes)).split(network.train.batch_size):
            batch = (pixels[chosen].float() / 255).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = model(batch)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(logits.float(), classes[chosen]).backward()
            optimizer.step()
        pace()


def plain_keras(network: Model) -> Any:
    """Write the published VGG as its write-up does, without this project's own builder, and compile it."""
    import keras

    keras.config.set_dtype_policy(network.train.precision)
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for block in network.blocks:
        for convolution in block.convolutions():
            model.add(keras.layers.Conv2D(convolution.filters, 3, padding=convolution.padding, activation="relu"))
        model.add(keras.layers.MaxPooling2D())
        model.add(keras.layers.Dropout(block.dropout[-1]))
    model.add(keras.layers.Flatten())
    for dense in network.dense:
        model.add(keras.layers.Dense(dense.units, activation="relu"))
        model.add(keras.layers.Dropout(dense.dropout))
    model.add(keras.layers.Dense(10, activation="softmax", dtype="float32"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _paced(pace: Pace) -> list[Any]:
    """Time Keras from an epoch's first batch to its last: what it waits for between epochs depends on others' turns.

    It waits until TensorFlow's tuning thread looks again (see `training._untuned`), the later the longer ago it began.
    """
    import keras

    def begin(batch: int, logs: object) -> None:
        if batch == 0:
            pace.began = time.perf_counter()

    def end(batch: int, logs: object) -> None:
        pace.ended = time.perf_counter()

    return [keras.callbacks.LambdaCallback(on_train_batch_begin=begin, on_train_batch_end=end, on_epoch_end=pace)]


def _pytorch_network(network: Model) -> Any:
    from torch import nn

    layers, channels, side = [], 1, 28
    for block in network.blocks:
        for convolution in block.convolutions():
            layers += [nn.Conv2d(channels, convolution.filters, 3, padding=convolution.padding), nn.ReLU()]
            channels, side = convolution.filters, side - 2 * (convolution.padding == "valid")
        layers += [nn.MaxPool2d(2), nn.Dropout(block.dropout[-1])]
        side //= 2
    width = channels * side * side
    layers += [nn.Flatten()]
    for dense in network.dense:
        layers += [nn.Linear(width, dense.units), nn.ReLU(), nn.Dropout(dense.dropout)]
        width = dense.units
    return nn.Sequential(*layers, nn.Linear(width, 10))


CONTESTANTS: dict[str, Callable[[Model, np.ndarray, np.ndarray, Pace], None]] = {
    "this project": this_project,
    "this project, augmented": this_project,
    "Keras fit": keras_fit,
    "Keras ImageDataGenerator": keras_augmented,
    "PyTorch": pytorch,
}


def main() -> None:
    """Train as the command line says."""
    name, batch_size, precision, count = sys.argv[1:]
    augmented = name in ("this project, augmented", "Keras ImageDataGenerator")
    (network,) = loading.load(Path(f"recipes/published/vgg{'_augmented' if augmented else ''}.yaml")).models.values()
    chosen = {"batch_size": int(batch_size), "precision": precision, "epochs": EPOCHS}
    images, labels = arrays.read(paths.TRAIN)
    network = network.model_copy(update={"train": network.train.model_copy(update=chosen)})
    if name.startswith("this project"):
        quiet.import_tensorflow()  # with oneDNN; the others are as they come
    CONTESTANTS[name](network, images[: int(count)], labels[: int(count)], Pace())


if __name__ == "__main__":
    main()
