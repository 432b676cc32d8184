"""LiteRT files (`.tflite`) of a network, in float32 and in 8-bit integers."""

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

from pipeline.addons.export.conversion.frozen import frozen
from pipeline.base.errors import InputError
from pipeline.base.quiet import stderr_held_back

METADATA, DIGEST = "metadata.json", "sha256"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
LEAST_SCALE = 1e-7  # of a map of 8 bits; what is always zero gets 8e-9


def to_litert(model: keras.Model) -> bytes:
    """Return the content of a `.tflite` file in float32: raw uint8 pixels in, probabilities out."""
    return _converted(_converter(model))


def to_litert_int8(model: keras.Model, images: np.ndarray) -> bytes:
    """Return the content of a `.tflite` file whose weights and maps are 8-bit integers, a scale for each channel.

    The maps' ranges are those that `images`, uint8 of (n, height, width, channels), bring about. Pixels and
    probabilities are as in float32. Raise `InputError` where a layer puts out nothing.
    """
    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    _require_live_layers(content := _converted(converter))
    return content


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


def _converter(model: keras.Model) -> Any:
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen(model).get_concrete_function()], tf.Module())


def _converted(converter: Any) -> bytes:
    with stderr_held_back():
        return bytes(converter.convert())


def described(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a file's content with metadata and its digest in a zip behind it, as TensorFlow packs other files."""
    made, told = io.BytesIO(content), dict(metadata) | {DIGEST: hashlib.sha256(content).hexdigest()}
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA, ZIP_EPOCH), json.dumps(told, indent=1))
    return made.getvalue()
