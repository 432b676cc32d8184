"""OpenVINO's files of a network."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import openvino

from pipeline.addons.export.conversion.frozen import frozen
from pipeline.base.quiet import stderr_held_back

FILES = ("model.xml", "model.bin")


def to_openvino(model: keras.Model, metadata: Mapping[str, str]) -> dict[str, bytes]:
    """Return the contents of OpenVINO's two files by name: raw uint8 `pixels` in, `probabilities` out.

    `metadata` is in the XML's `rt_info`, under `model_info`, as OpenVINO's own tools have it.
    """
    with stderr_held_back():
        converted = openvino.convert_model(frozen(model))
    for value, name in ((converted.inputs[0], "pixels"), (converted.outputs[0], "probabilities")):
        value.set_names({name})
    for key, text in metadata.items():
        converted.set_rt_info(text, ["model_info", key])
    with tempfile.TemporaryDirectory() as folder:
        openvino.serialize(converted, *(Path(folder, name) for name in FILES))
        return {name: Path(folder, name).read_bytes() for name in FILES}
