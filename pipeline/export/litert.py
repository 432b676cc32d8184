"""LiteRT files (`.tflite`) of a network, in float32 and in 8-bit integers."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.base.quiet import stderr_held_back
from pipeline.export.frozen import frozen
from pipeline.runtimes.litert import METADATA

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def to_litert(model: keras.Model) -> bytes:
    """Return the content of a `.tflite` file in float32: raw uint8 pixels in, probabilities out."""
    return _converted(_converter(model))


def to_litert_int8(model: keras.Model, images: np.ndarray) -> bytes:
    """Return the content of a `.tflite` file whose weights and maps are 8-bit integers, a scale for each channel.

    The maps' ranges are those that `images`, uint8 of (n, height, width, channels), bring about. Pixels and
    probabilities are as in float32.
    """
    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    return _converted(converter)


def _converter(model: keras.Model) -> Any:
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen(model).get_concrete_function()], tf.Module())


def _converted(converter: Any) -> bytes:
    with stderr_held_back():
        return bytes(converter.convert())


def described(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a file's content with metadata, in a zip behind it, as TensorFlow packs associated files."""
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA, ZIP_EPOCH), json.dumps(dict(metadata), indent=1))
    return made.getvalue()
