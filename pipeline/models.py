"""A network from its description in params.yaml, a table of its layers, and files of it that are always the same."""

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from pipeline import schema
from pipeline.errors import InputError

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """Keras's batch norm, for maps, by the one operation that TensorFlow has for it: several times faster on a CPU."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalise (n, height, width, channels) by their own mean and variance in training, else by those kept."""
        mean, variance = (None, None) if training else (self.moving_mean.value, self.moving_variance.value)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, mean, variance, self.epsilon, is_training=training
        )
        if training:
            count = tf.cast(tf.size(inputs) / inputs.shape[-1], tf.float32)
            biased = variance * (count - 1) / count  # which is what Keras keeps
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, biased)):
                moving.assign(moving * self.momentum + new * (1 - self.momentum))
        return outputs


def build(
    network: schema.Model, image_shape: tuple[int, int, int], classes: int, scaling: dict[str, list[float]]
) -> keras.Model:
    """Build a network from raw 8-bit pixels of (height, width, channels) to the probabilities of `classes`.

    The fitted scaling is its first layer, so that it cannot be served with another one than it was trained with.
    """
    with _arithmetic(network.train.precision):
        inputs = outputs = keras.Input(image_shape, dtype="uint8", name="pixels")
        outputs = keras.layers.Rescaling(scaling["scale"], scaling["offset"], name="scaling")(outputs)
        for number, block in enumerate(network.blocks, 1):
            outputs = _block(outputs, block, f"block{number}")
        outputs = _flat(outputs, network.global_pool)
        for number, dense in enumerate(network.dense, 1):
            outputs = _dense(outputs, dense, f"dense{number}")
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


def _block(outputs: Any, block: schema.Block, name: str) -> Any:
    inputs, convolutions = outputs, block.convolutions()
    for number, convolution in enumerate(convolutions, 1):
        last = number == len(convolutions)
        shortcut = inputs if block.residual and last else None
        outputs = _convolution(outputs, block, convolution, shortcut, f"{name}_conv{number}")
        if convolution.dropout and not last:
            outputs = keras.layers.Dropout(convolution.dropout, name=f"{name}_conv{number}_dropout")(outputs)
    if block.pool == "max":
        outputs = keras.layers.MaxPooling2D(name=f"{name}_pool")(outputs)
    if block.batch_norm == "after_pool":
        outputs = BatchNormalization(momentum=block.batch_norm_momentum, name=f"{name}_norm")(outputs)
    if convolutions[-1].dropout:
        outputs = keras.layers.Dropout(convolutions[-1].dropout, name=f"{name}_dropout")(outputs)
    return outputs


def _convolution(outputs: Any, block: schema.Block, convolution: schema.Convolution, shortcut: Any, name: str) -> Any:
    norm = block.batch_norm == "after_convolution"
    apart = norm or shortcut is not None  # then the activation comes after those, as a layer of its own
    outputs = keras.layers.Conv2D(
        convolution.filters,
        convolution.kernel_size,
        strides=convolution.strides,
        padding=convolution.padding,
        use_bias=convolution.use_bias,
        kernel_initializer=_initializer(convolution.kernel_initializer),
        activation=None if apart else convolution.activation,
        name=name,
    )(outputs)
    if norm:
        outputs = BatchNormalization(momentum=block.batch_norm_momentum, name=f"{name}_norm")(outputs)
    if shortcut is not None:
        if shortcut.shape[-1] != convolution.filters:
            shortcut = keras.layers.Conv2D(convolution.filters, 1, use_bias=False, name=f"{name}_shortcut")(shortcut)
        outputs = keras.layers.Add(name=f"{name}_add")([outputs, shortcut])
    return keras.layers.Activation(convolution.activation, name=f"{name}_activation")(outputs) if apart else outputs


def _flat(outputs: Any, global_pool: str) -> Any:
    if global_pool == "none":
        return keras.layers.Flatten(name="flatten")(outputs)
    kinds = {"max": keras.layers.GlobalMaxPooling2D, "average": keras.layers.GlobalAveragePooling2D}
    return kinds[global_pool](name="global_pool")(outputs)


def _dense(outputs: Any, dense: schema.Dense, name: str) -> Any:
    outputs = keras.layers.Dense(dense.units, activation=dense.activation, name=name)(outputs)
    if dense.batch_norm:
        outputs = keras.layers.BatchNormalization(name=f"{name}_norm")(outputs)
    if dense.dropout:
        outputs = keras.layers.Dropout(dense.dropout, name=f"{name}_dropout")(outputs)
    return outputs


def _initializer(initializer: schema.Initializer) -> Any:
    if isinstance(initializer, str):
        return initializer
    return keras.initializers.RandomNormal(mean=0.0, stddev=initializer.stddev)


def layer_table(model: keras.Model) -> dict[str, list[Any]]:
    """List each layer's name, kind, output shape without the batch, and number of parameters, as columns."""
    return {
        "layer": [layer.name for layer in model.layers],
        "kind": [type(layer).__name__ for layer in model.layers],
        "output_shape": [" × ".join(map(str, layer.output.shape[1:])) for layer in model.layers],
        "parameters": [layer.count_params() for layer in model.layers],
    }


def to_bytes(model: keras.Model) -> bytes:
    """Return the content of a `.keras` file of the network without its optimizer: the same weights, the same bytes.

    It computes in float32 and by Keras's own layers, however it was trained, so that any processor has what it needs.
    Keras writes the date, memory addresses (`shared_object_id`) and the time of day (in the zip) into it; these go.
    """
    bare = _portable(keras.Model(model.input, model.output, name=model.name))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        bare.save(path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
    for name in ("config.json", "metadata.json"):
        members[name] = json.dumps(_without_chance(json.loads(members[name])), indent=1).encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), member)
    return content.getvalue()


def _portable(model: keras.Model) -> keras.Model:
    def portable(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = keras.layers.BatchNormalization if isinstance(layer, BatchNormalization) else type(layer)
        config = layer.get_config()
        return kind.from_config(config if isinstance(layer, keras.layers.InputLayer) else config | {"dtype": "float32"})

    copy = keras.models.clone_model(model, clone_function=portable)
    copy.set_weights(model.get_weights())
    return copy


def load(path: Path) -> keras.Model:
    """Load a `.keras` file for prediction; a missing or broken one is an `InputError`."""
    if not path.is_file():
        raise InputError(f"{path} is missing: `dvc repro` makes it")
    try:
        model: keras.Model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a whole .keras file ({reason}): delete it and run `dvc repro`") from None
    return model


def _without_chance(content: Any) -> Any:
    if isinstance(content, dict):
        kept = {key: value for key, value in content.items() if key not in ("date_saved", "shared_object_id")}
        return {key: _without_chance(value) for key, value in kept.items()}
    return [_without_chance(item) for item in content] if isinstance(content, list) else content
