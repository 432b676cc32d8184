"""A network from its description in params.yaml, a table of its layers, and files of it that are always the same."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from pipeline import layers, schema
from pipeline.errors import InputError

MONOTONE = ("relu", "elu", "tanh")  # activations that never fall: pooling before or after them is the same
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


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
    pool = keras.layers.MaxPooling2D(name=f"{name}_pool") if block.pool == "max" else None
    early = pool and convolutions[-1].activation in MONOTONE
    for number, convolution in enumerate(convolutions, 1):
        layer, last = f"{name}_conv{number}", number == len(convolutions)
        between: list[Any] = []
        if block.batch_norm == "after_convolution":
            between.append(layers.BatchNormalization(momentum=block.batch_norm_momentum, name=f"{layer}_norm"))
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
        outputs = layers.BatchNormalization(momentum=block.batch_norm_momentum, name=f"{name}_norm")(outputs)
    if convolutions[-1].dropout:
        outputs = keras.layers.Dropout(convolutions[-1].dropout, name=f"{name}_dropout")(outputs)
    return outputs


def _convolution(outputs: Any, convolution: schema.Convolution, between: list[Any], name: str) -> Any:
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
        kind = getattr(keras.layers, type(layer).__name__)
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
