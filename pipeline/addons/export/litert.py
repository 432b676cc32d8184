"""LiteRT files (`.tflite`) of a network, in float32 and in 8-bit integers."""

import pipeline.network  # noqa: F401  # first: TensorFlow comes with it, quietly

# isort: split
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from pipeline.base.errors import InputError
from pipeline.base.quiet import stderr_held_back

METADATA, DIGEST = "metadata.json", "sha256"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
LEAST_SCALE = 1e-7  # of a map of 8 bits; what is always zero gets 8e-9


def to_litert(model: keras.Model, images: np.ndarray | None = None) -> bytes:
    """Return the content of a `.tflite` file: raw uint8 pixels in, float32 probabilities out.

    With `images`, uint8 of (n, height, width, channels), weights and maps become 8-bit integers, in the ranges that
    these images bring about. Raise `InputError` where a layer then puts out nothing.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen(model).get_concrete_function()], tf.Module())
    if images is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in images)
    with stderr_held_back():
        content = bytes(converter.convert())
    if images is not None:
        _require_live_layers(content)
    return content


def described(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a file's content with metadata and its digest in a zip behind it, as TensorFlow packs other files."""
    made, told = io.BytesIO(content), dict(metadata) | {DIGEST: hashlib.sha256(content).hexdigest()}
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA, ZIP_EPOCH), json.dumps(told, indent=1))
    return made.getvalue()


def frozen(model: keras.Model) -> Any:
    """Return the `tf.function` from `pixels`, uint8 of (n, height, width, channels), to float32 `probabilities`.

    Its weights are constants. So is the state of dropout's generator, which prediction does not use and Keras draws
    anew each time that it loads a model: it becomes 0.
    """
    weights = {id(weight) for weight in model.weights}

    def value(variable: keras.Variable) -> np.ndarray:
        return variable.numpy() if id(variable) in weights else np.zeros(variable.shape, variable.dtype)

    trainable = [value(variable) for variable in model.trainable_variables]
    others = [value(variable) for variable in model.non_trainable_variables]
    pixels = tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8, name="pixels")

    @tf.function(input_signature=[pixels], autograph=False)  # type: ignore[untyped-decorator]
    def network(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": model.stateless_call(trainable, others, pixels, training=False)[0]}

    return network


def _require_live_layers(content: bytes) -> None:
    """Raise `InputError` for a map with a scale of next to nothing: LiteRT 2.3 breaks its own memory over it."""
    for tensor in Interpreter(model_content=content).get_tensor_details():
        scales = tensor["quantization_parameters"]["scales"]
        if tensor["dtype"] == np.int8 and len(scales) == 1 and scales[0] < LEAST_SCALE:
            layer = tensor["name"].strip(";").split("/")[0].removesuffix("_1")
            raise InputError(
                f"the layer {layer} is zero for every image, which litert_int8 cannot express: train the model anew, "
                "or take litert_int8 from export.formats"
            )
