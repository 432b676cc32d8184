"""The kernels of a network's first convolution."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def first(model: "keras.Model") -> np.ndarray | None:
    """Return the first convolution's kernels, float32 of (filters, height, width, channels), None if there is none."""
    kernels = [layer.kernel for layer in model.layers if len(getattr(layer, "kernel", np.zeros(0)).shape) == 4]
    return np.moveaxis(np.array(kernels[0]), -1, 0) if kernels else None
