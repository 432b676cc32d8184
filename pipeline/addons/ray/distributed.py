"""Training on several workers, each a process with its own copy of the network, which sum their gradients.

A worker takes every so-many-th image of each batch. Order, augmentation and dropout are drawn for the whole batch, by
each worker alike, and batch norm sees the whole batch: the number of workers changes the order of sums alone.
"""

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.network import layers, training

OURS = {kind.__name__: kind for kind in (layers.BatchNormalization, layers.Conv2D)}  # for Keras, which finds its own


def worker(network: dict[str, Any], variables: list[np.ndarray], seed: int) -> keras.Model:
    """Build a network, by its Keras config and with its first values, as one of the workers that `TF_CONFIG` names."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything is computed
    training.make_deterministic(seed)
    model = parallel(keras.Model.from_config(network, OURS), strategy)
    assign(model, variables)
    return model


def assign(model: keras.Model, variables: list[np.ndarray]) -> None:
    """Give all of a network's variables, the random state of dropout among them, their values."""
    for variable, value in zip(model.variables, variables, strict=True):
        variable.assign(value)


def parallel(model: keras.Model, strategy: tf.distribute.Strategy) -> keras.Model:
    """Copy a network into one that trains as one of the strategy's workers."""
    copy = keras.models.clone_model(model, clone_function=_parallel)
    parallel = _Parallel(copy.inputs, copy.outputs, name=model.name)
    parallel.strategy = strategy
    assign(parallel, [variable.numpy() for variable in model.variables])
    return parallel


def _parallel(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = layer.get_config()
    if isinstance(layer, keras.layers.BatchNormalization):
        return keras.layers.BatchNormalization.from_config(config | {"synchronized": True})
    return (_Dropout if isinstance(layer, keras.layers.Dropout) else type(layer)).from_config(config)


def share(images: tf.Tensor, worker: int, workers: int) -> tf.Tensor:
    """Return the places of those of a batch's so many images that a worker, counted from 0, takes.

    Where there are fewer than workers, each takes all: TensorFlow's convolutions fail on none.
    """
    few = images < workers
    return tf.range(tf.where(few, 0, worker), images, tf.where(few, 1, workers))


def noise(shape: tf.Tensor, dtype: tf.DType, seed: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Return those of the uniform numbers, drawn for a whole batch, that fall to the images at some places."""
    up_to_last = tf.concat([places[-1:] + 1, shape[1:]], 0)  # more would change none of them
    return tf.reshape(tf.gather(tf.random.stateless_uniform(up_to_last, seed, dtype=dtype), places), shape)


class _Dropout(keras.layers.Dropout):  # type: ignore[misc]  # Keras has no types
    """Keras's dropout, drawn for the whole batch: an image loses the same values whichever worker has it."""

    places: tf.Tensor

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drop values of (n, ...) in training, which are at `places` of the whole batch."""
        if not training:
            return inputs
        seed = tf.cast(tf.math.floormod(self.seed_generator.next(), tf.int32.max - 1), tf.int32)  # as Keras does it
        return tf.nn.experimental.general_dropout(inputs, self.rate, partial(noise, seed=seed, places=self.places))


class _Parallel(keras.Model):  # type: ignore[misc]
    """A network of which `fit` and `evaluate` get whole batches, and work on this worker's images of them."""

    strategy: tf.distribute.Strategy

    def compile(self, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss, **_: Any) -> None:
        """Prepare for training; figures are the loss and the accuracy, over all workers."""
        super().compile(optimizer, jit_compile=False)
        self.each_loss, self.figures = loss.call, [keras.metrics.Mean("loss"), keras.metrics.Mean("accuracy")]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras sets back before each epoch."""
        return self.figures

    def train_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Learn from a batch and return the figures of the epoch so far."""
        gradients, sums = self.strategy.run(self._gradients, batch)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self._figures(sums, batch)

    def test_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return the figures of the batches so far."""
        return self._figures(self.strategy.run(lambda *batch: summed(self._sums(batch)), batch), batch)

    def _gradients(self, *batch: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            loss, correct, images = self._sums(batch, training=True)
        gradients = tape.gradient(loss, self.trainable_variables)
        *gradients, loss, correct, images = summed([*gradients, loss, correct, images])
        return [gradient / images for gradient in gradients], [loss, correct, images]

    def _sums(self, batch: tuple[tf.Tensor, ...], training: bool = False) -> list[tf.Tensor]:
        replica = tf.distribute.get_replica_context()
        places = share(tf.shape(batch[0])[0], replica.replica_id_in_sync_group, replica.num_replicas_in_sync)
        for layer in self.layers:
            if isinstance(layer, _Dropout):
                layer.places = places
        images, labels = (tf.gather(part, places) for part in batch)
        probabilities = self(images, training=training)
        truth = tf.argmax(labels, -1) if labels.shape.rank == 2 else tf.cast(labels, tf.int64)
        correct = tf.cast(tf.argmax(probabilities, -1) == truth, tf.float32)
        return [tf.reduce_sum(each) for each in (self.each_loss(labels, probabilities), correct, tf.ones_like(correct))]

    def _figures(self, sums: list[tf.Tensor], batch: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        *sums, images = sums
        for figure, total in zip(self.figures, sums, strict=True):
            figure.update_state(total / images, tf.shape(batch[0])[0])
        return {figure.name: figure.result() for figure in self.figures}


def summed(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sums of all workers' tensors, in what a strategy runs."""
    sums: list[tf.Tensor] = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)
    return sums
