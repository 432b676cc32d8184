"""A network from its spec, an entry of `models` in params.yaml, and the table of its layers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import pandas as pd

from pipeline import addons
from pipeline.config import models
from pipeline.network import layers

SETTLED = 10  # times over, what batch norm averages forgets the values it began with
MONOTONE = ("relu", "elu", "tanh")  # activations that never fall: pooling before or after them is the same


def build(
    spec: models.Model,
    image_shape: tuple[int, int, int],
    classes: int,
    scaling: dict[str, list[float]],
    steps: int = 1000,
) -> keras.Model:
    """Build a network from raw 8-bit pixels of (height, width, channels) to the probabilities of `classes`.

    The fitted scaling is its first layer, so that it cannot be served with another one than it was trained with; a
    backbone has its own.
    Where params give batch norm no momentum, it is Keras's 0.99, or less for a training of fewer `steps` than 1,000.
    """
    momentum = round(1 - max(0.01, min(1.0, SETTLED / steps)), 4)
    with _arithmetic(spec.train.precision):
        inputs = outputs = keras.Input(image_shape, dtype="uint8", name="pixels")
        if spec.backbone:
            outputs = addons.first("backbone", "backbone").build(outputs, spec.backbone)
        else:
            outputs = keras.layers.Rescaling(scaling["scale"], scaling["offset"], name="scaling")(outputs)
            for number, block in enumerate(spec.blocks, 1):
                outputs = _block(outputs, block, momentum, f"block{number}")
            outputs = _flat(outputs, spec.global_pool)
        for number, dense in enumerate(spec.dense, 1):
            outputs = _dense(outputs, dense, momentum, f"dense{number}")
        outputs = keras.layers.Dense(classes, dtype="float32", name="logits")(outputs)
        outputs = keras.layers.Softmax(dtype="float32", name="probabilities")(outputs)
        return keras.Model(inputs, outputs, name="network")


@contextmanager
def _arithmetic(precision: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _block(outputs: Any, block: models.Block, momentum: float, name: str) -> Any:
    momentum = momentum if block.batch_norm_momentum is None else block.batch_norm_momentum
    inputs, convolutions = outputs, block.convolutions()
    pool = keras.layers.MaxPooling2D(name=f"{name}_pool") if block.pool == "max" else None
    early = pool and convolutions[-1].activation in MONOTONE
    for number, convolution in enumerate(convolutions, 1):
        layer, last = f"{name}_conv{number}", number == len(convolutions)
        between: list[Any] = []
        if block.batch_norm == "after_convolution":
            between.append(layers.BatchNormalization(momentum=momentum, name=f"{layer}_norm"))
        if block.residual and last:
            between.append(_adding(inputs, convolution.filters, layer))
        if early and last:
            between.append(pool)  # the same values as after the activation, which then computes a quarter of them
        outputs = _convolution(outputs, convolution, between, layer)
        if convolution.dropout and not last:
            outputs = keras.layers.Dropout(convolution.dropout, name=f"{layer}_dropout")(outputs)
    if pool and not early:
        outputs = pool(outputs)
    if block.batch_norm == "after_pool":
        outputs = layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(outputs)
    if convolutions[-1].dropout:
        outputs = keras.layers.Dropout(convolutions[-1].dropout, name=f"{name}_dropout")(outputs)
    return outputs


def _convolution(outputs: Any, convolution: models.Convolution, between: list[Any], name: str) -> Any:
    outputs = layers.Conv2D(
        convolution.filters,
        convolution.kernel_size,
        strides=convolution.strides,
        padding=convolution.padding,
        use_bias=convolution.use_bias,
        kernel_initializer=_initializer(convolution.kernel_initializer),
        activation=None if between else convolution.activation,
        name=name,
    )(outputs)
    for layer in between:
        outputs = layer(outputs)
    return keras.layers.Activation(convolution.activation, name=f"{name}_activation")(outputs) if between else outputs


def _adding(shortcut: Any, filters: int, name: str) -> Callable[[Any], Any]:
    if shortcut.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_shortcut")(shortcut)
    return lambda outputs: keras.layers.Add(name=f"{name}_add")([outputs, shortcut])


def _flat(outputs: Any, global_pool: str) -> Any:
    if global_pool == "none":
        return keras.layers.Flatten(name="flatten")(outputs)
    kinds = {"max": keras.layers.GlobalMaxPooling2D, "average": keras.layers.GlobalAveragePooling2D}
    return kinds[global_pool](name="global_pool")(outputs)


def _dense(outputs: Any, dense: models.Dense, momentum: float, name: str) -> Any:
    outputs = keras.layers.Dense(dense.units, activation=dense.activation, name=name)(outputs)
    if dense.batch_norm:
        outputs = keras.layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(outputs)
    if dense.dropout:
        outputs = keras.layers.Dropout(dense.dropout, name=f"{name}_dropout")(outputs)
    return outputs


def _initializer(initializer: models.Initializer) -> Any:
    if isinstance(initializer, str):
        return initializer
    return keras.initializers.RandomNormal(mean=0.0, stddev=initializer.stddev)


def layer_table(network: keras.Model) -> pd.DataFrame:
    """Tabulate the layers: `layer`, its name, `kind`, `output_shape` without the batch, number of `parameters`."""
    return pd.DataFrame(
        {
            "layer": [layer.name for layer in network.layers],
            "kind": [type(layer).__name__ for layer in network.layers],
            "output_shape": [" × ".join(map(str, layer.output.shape[1:])) for layer in network.layers],
            "parameters": [layer.count_params() for layer in network.layers],
        }
    )
