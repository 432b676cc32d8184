"""The training loop: batches, loss, epochs, and the same weights every time."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline import addons
from pipeline.base import errors
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.base.progress import Progress
from pipeline.config import models
from pipeline.data.arrays import Array, LabelledRows
from pipeline.network import building, optimizers
from pipeline.network.augmentation import augment

Row = dict[str, float]
Parts = tuple[LabelledRows, LabelledRows]  # to train on, and for validation
PREDICTION_BATCH = 500
AHEAD = 2  # batches that are made while one is computed with
STOPPING = ("best", "wait", "best_epoch", "stopped_epoch")
COLUMNS = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
}


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and allow only kernels that give the same bits on every run."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def untrained(spec: models.Model, dataset: Mapping[str, Any], images: int, seed: int) -> keras.Model:
    """Seed all that is random, and build a network to learn from so many images; `dataset` is as in dataset.json."""
    make_deterministic(seed)
    steps = spec.train.epochs * math.ceil(images / spec.train.batch_size)
    return building.build(spec, dataset["image_shape"], len(dataset["class_names"]), dataset["scaling"], steps)


def to_learn(network: keras.Model, spec: models.Model, parts: Parts) -> tuple[keras.Model, Parts]:
    """Return what of a network `fit` has to train, and on what: frozen layers are computed once, unless augmented."""
    if not spec.backbone or spec.train.augmentation:
        return network, parts
    learner: tuple[keras.Model, Parts] = addons.first("backbone", "backbone").without_frozen(network, parts)
    return learner


def fit(
    network: keras.Model,
    labelled: LabelledRows,
    validation: LabelledRows,
    train: models.Train,
    seed: int,
    on_epoch: Callable[[Row, Arrays], None],
    state: Arrays | None = None,
) -> pd.DataFrame:
    """Train `network` in place and return its history: a row an epoch, `epoch`, losses, accuracies, learning rate.

    Images are uint8 of (n, height, width, channels), labels integers of (n,). `on_epoch` gets each epoch's row of the
    history, and the training's state: given a state, a training goes on after its epoch, to the same bits as if it had
    never stopped. Training figures are means over the epoch, with dropout and augmentation at work. An empty
    `validation` has no figures.
    Raise `InputError` when a loss is no longer a number.
    """
    steps = math.ceil(len(labelled[0]) / train.batch_size)  # an epoch
    one_hot = train.loss == "categorical_crossentropy"
    network.compile(optimizers.make(train, steps), loss(train), metrics=[accuracy(train)], jit_compile=False)
    network.optimizer.build(network.trainable_variables)
    state, stopping = state or {}, _early_stopping(train.early_stopping)
    with errors.interrupts_held_back() as raise_if_interrupted:
        each_epoch = _EachEpoch(on_epoch, state, stopping, raise_if_interrupted)
        stopped = bool(state.get("stopping/stopped_epoch", 0))
        done = train.epochs if stopped else len(each_epoch.history)
        each_epoch.progress = Progress(train.epochs, done, steps, at_most=bool(stopping))
        network.fit(
            _encoded(batches(labelled, train, seed, done), network, one_hot),
            steps_per_epoch=steps,
            initial_epoch=done,
            epochs=train.epochs,
            validation_data=_encoded(_in_order(validation), network, one_hot) if len(validation[1]) else None,
            callbacks=[callback for callback in (stopping, each_epoch) if callback],
            shuffle=False,  # `batches` has shuffled
            verbose=0,  # `Progress` tells more
        )
    return pd.DataFrame(each_epoch.history)


def batches(labelled: LabelledRows, train: models.Train, seed: int, done: int = 0) -> tf.data.Dataset:
    """Yield shuffled batches of (images, labels) of the epochs after the `done` first; an epoch's last may be smaller.

    Order and augmentation depend on the seed, the epoch and the batch alone, not on what was drawn before.
    """
    count = len(labelled[1])
    sides = tf.random.stateless_uniform([count], [seed, -1], 0, 2, tf.int32)  # which epochs mirror an image

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=tf.stack([seed, epoch]))
        in_order = tf.data.Dataset.from_tensor_slices(order).batch(train.batch_size)
        return in_order.enumerate().map(lambda batch, indices: (epoch, tf.cast(batch, tf.int32), indices))

    def gather(epoch: tf.Tensor, batch: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = _rows(labelled, indices)
        if train.augmentation:
            batch_seed = tf.random.experimental.stateless_fold_in(tf.stack([seed, epoch]), batch)
            mirrored = (tf.gather(sides, indices) + epoch) % 2 == 1
            images = augment(images, train.augmentation, batch_seed, mirrored)
        return images, labels

    epochs = tf.data.Dataset.range(done, train.epochs, output_type=tf.int32)
    return _untuned(epochs.flat_map(epoch_batches).map(gather, num_parallel_calls=AHEAD).prefetch(AHEAD))


def loss(train: models.Train) -> keras.losses.Loss:
    """Make the loss, on probabilities."""
    if train.loss == "categorical_crossentropy":
        return keras.losses.CategoricalCrossentropy(label_smoothing=train.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy()


def accuracy(train: models.Train) -> keras.metrics.Metric:
    """Make the metric that goes with the loss; one that Keras makes of a name makes it build the graph twice."""
    if train.loss == "categorical_crossentropy":
        return keras.metrics.CategoricalAccuracy("accuracy")
    return keras.metrics.SparseCategoricalAccuracy("accuracy")


def predict(network: keras.Model, images: Array) -> np.ndarray:
    """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels).

    No more than a few batches are in memory at once.
    """
    probabilities: np.ndarray = network.predict(_in_order([images]), verbose=0)
    return probabilities


class _EachEpoch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keep each epoch's figures under this project's names, and hand them on with all that decides about the next."""

    progress: Progress

    def __init__(
        self,
        on_epoch: Callable[[Row, Arrays], None],
        state: Arrays,
        stopping: Any,
        raise_if_interrupted: Callable[[], None],
    ) -> None:
        super().__init__()
        self.on_epoch, self.state, self.stopping = on_epoch, state, stopping
        self.raise_if_interrupted = raise_if_interrupted
        columns = {name.removeprefix("history/"): state[name].tolist() for name in state if name.startswith("history/")}
        self.history: list[Row] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def on_train_begin(self, logs: Any = None) -> None:  # after early stopping's own, which resets it
        if not self.state:
            return
        for index, variable in enumerate(_variables(self.model)):
            variable.assign(self.state[f"variable/{index}"])
        if self.stopping and "best_weight/0" in self.state:
            count = len(self.model.weights)
            self.stopping.best_weights = [self.state[f"best_weight/{index}"] for index in range(count)]
        if self.stopping:
            for name in STOPPING:
                setattr(self.stopping, name, self.state[f"stopping/{name}"].item())

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        self.raise_if_interrupted()
        self.progress.step(logs["accuracy"])

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.raise_if_interrupted()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        figures = {name: logs[key] for key, name in COLUMNS.items() if key in logs}
        if not math.isfinite(logs["loss"] + logs.get("val_loss", 0)):
            losses = f"{logs['loss']} in training, {logs.get('val_loss', 'not taken')} in validation"
            raise InputError(f"the loss in epoch {epoch + 1} is {losses}: lower train.optimizer.learning_rate")
        figures["learning_rate"] = float(self.model.optimizer.learning_rate)
        row = {"epoch": epoch + 1} | {name: float(f"{value:.6g}") for name, value in figures.items()}
        self.history.append(row)
        self.on_epoch(row, self._state())
        self.progress.epoch(row)

    def _state(self) -> Arrays:
        state = {f"history/{name}": np.array([row[name] for row in self.history]) for name in self.history[0]}
        state |= {f"variable/{index}": variable.numpy() for index, variable in enumerate(_variables(self.model))}
        if self.stopping:
            state |= {f"stopping/{name}": np.array(getattr(self.stopping, name)) for name in STOPPING}
            best = enumerate(self.stopping.best_weights or [])
            state |= {f"best_weight/{index}": weight for index, weight in best}
        return state


def _variables(network: keras.Model) -> list[keras.Variable]:
    """List all that training changes: weights, random state of dropout, the optimizer's moments and its step."""
    return [*network.variables, *network.optimizer.variables]


def _early_stopping(early_stopping: models.EarlyStopping | None) -> Any:
    if early_stopping is None:
        return None
    options = early_stopping.model_dump() | {"monitor": early_stopping.monitor.replace("validation", "val")}
    return keras.callbacks.EarlyStopping(**options)


def _in_order(arrays: Sequence[Array]) -> tf.data.Dataset:
    """Yield batches of rows of each array, from the first to the last."""
    numbers = tf.data.Dataset.range(len(arrays[0]), output_type=tf.int32).batch(PREDICTION_BATCH)
    return _untuned(numbers.map(lambda some: _rows(arrays, some)))


def _rows(arrays: Sequence[Array], numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Take the rows of these numbers, int32 of (n,), from each array, as a step of a `tf.data.Dataset`."""

    def take(numbers: np.ndarray) -> list[np.ndarray]:
        return [array[numbers] for array in arrays]

    dtypes = [array.dtype for array in arrays]
    taken = tf.numpy_function(take, [numbers], dtypes, stateful=False)  # stateful ones run one at a time
    return tuple(tf.ensure_shape(part, [None, *array.shape[1:]]) for part, array in zip(taken, arrays, strict=True))


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Turn off TensorFlow's own choice of parallelism, whose thread looks again after ever longer sleeps.

    An iterator's end waits for that thread, and about every other time does not wake it (TensorFlow 2.21: it is told to
    stop before the flag that it looks at is set). A training then ends up to a minute late, a prediction takes twice as
    long.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _encoded(dataset: tf.data.Dataset, network: keras.Model, one_hot: bool) -> tf.data.Dataset:
    classes = network.output_shape[-1]
    return dataset.map(lambda images, labels: (images, tf.one_hot(labels, classes))) if one_hot else dataset
