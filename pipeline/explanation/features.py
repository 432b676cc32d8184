"""What each block of a network makes of one image."""

import re
from typing import TYPE_CHECKING

import numpy as np

from pipeline.network import probing

if TYPE_CHECKING:
    import keras

BLOCK = re.compile(r"(block\d+)_")


def maps(model: "keras.Model", image: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each block puts out of a uint8 image of (height, width, channels), by its name.

    Maps are float32 of (height, width, filters); a network without blocks has none.
    """
    last = {found[1]: layer for layer in model.layers if (found := BLOCK.match(layer.name))}
    tensors = {name: layer.output for name, layer in last.items()}
    return probing.outputs_of(model, tensors, image) if tensors else {}
