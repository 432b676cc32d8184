"""A Keras model as a LiteRT file."""

import tempfile
from pathlib import Path
from typing import Any


def to_litert(model: Any) -> bytes:
    """Return a saved `keras.Model` as the content of a `.tflite` file: raw pixels in, probabilities out, float32."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        model.export(path, format="litert", verbose=False)
        return path.read_bytes()
