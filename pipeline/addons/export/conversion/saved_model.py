"""TensorFlow's SavedModel of a network, and running it: the one format that needs TensorFlow."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from pipeline.addons.export.conversion.frozen import frozen
from pipeline.base.errors import InputError

METADATA = "assets.extra/metadata.json"  # the folder that TensorFlow leaves to others


def to_saved_model(model: keras.Model, metadata: Mapping[str, str]) -> dict[str, bytes]:
    """Return the contents of a SavedModel's files by name: its signature takes uint8 `pixels`, gives `probabilities`.

    TensorFlow writes a random number into `fingerprint.pb`, which it does without as well, and maps in any order.
    """
    network = frozen(model).get_concrete_function()
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures=network)
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    del contents["fingerprint.pb"]
    graph = saved_model_pb2.SavedModel.FromString(contents["saved_model.pb"])
    contents["saved_model.pb"] = graph.SerializeToString(deterministic=True)
    return contents | {METADATA: json.dumps(dict(metadata), indent=1).encode()}


class Network:
    """A network that was read from the folder of a SavedModel; TensorFlow has threads of its own."""

    def __init__(self, folder: Path) -> None:
        """Load a folder; raise `InputError` if it is not whole."""
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{folder} is not a whole SavedModel ({reason}): export it again") from None
        self._network = self._loaded.signatures["serving_default"]
        _, height, width, channels = self._network.structured_input_signature[1]["pixels"].shape
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self.classes = int(self._network.structured_outputs["probabilities"].shape[-1])

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels)."""
        probabilities: np.ndarray = self._network(pixels=tf.constant(images))["probabilities"].numpy()
        return probabilities
