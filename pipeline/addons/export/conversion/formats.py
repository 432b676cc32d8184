"""The formats by name: which files each is, and what runs them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from pipeline import addons

PACKAGES = {"onnx": ("onnx", "tf2onnx", "onnxruntime"), "openvino": ("openvino",)}  # the other formats need none


class Network(Protocol):
    """A network that was read from a file, by a runtime of its own."""

    image_shape: tuple[int, int, int]
    classes: int

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels)."""


def require_packages(formats: Iterable[str]) -> None:
    """Raise `InputError` for a format whose packages are not installed."""
    for name in formats:
        addons.require(f"export.formats: {name}", "export", *PACKAGES.get(name, ()))


def converted(name: str, model: keras.Model, images: np.ndarray, metadata: Mapping[str, str]) -> dict[str, bytes]:
    """Return the contents of a format's files by name; `images`, uint8 of (n, height, width, channels), calibrate."""
    from pipeline.addons.export.conversion import litert, saved_model

    match name:
        case "litert":
            return {"model.tflite": litert.described(litert.to_litert(model), metadata)}
        case "litert_int8":
            return {"model.tflite": litert.described(litert.to_litert_int8(model, images), metadata)}
        case "onnx":
            from pipeline.addons.export.conversion import onnx

            return {"model.onnx": onnx.to_onnx(model, metadata)}
        case "openvino":
            from pipeline.addons.export.conversion import openvino

            return openvino.to_openvino(model, metadata)
        case _:
            return saved_model.to_saved_model(model, metadata)


def opened(name: str, folder: Path, threads: int) -> Network:
    """Load a format's files with its runtime; TensorFlow takes the threads that it has."""
    match name:
        case "onnx":
            from pipeline.addons.runtimes import onnx

            return onnx.Network((folder / "model.onnx").read_bytes(), threads)
        case "openvino":
            from pipeline.addons.runtimes import openvino

            return openvino.Network(folder / "model.xml", threads)
        case "saved_model":
            from pipeline.addons.export.conversion import saved_model

            return saved_model.Network(folder)
        case _:
            from pipeline.addons.runtimes import litert

            return litert.Network((folder / "model.tflite").read_bytes(), threads)
