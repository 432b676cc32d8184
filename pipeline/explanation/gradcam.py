"""Which part of an image speaks for a class: Grad-CAM (Selvaraju and others 2017, arXiv 1610.02391)."""

from typing import TYPE_CHECKING

import numpy as np

from pipeline.network import probing

if TYPE_CHECKING:
    import keras


def heat(model: "keras.Model", images: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """Return how much each place speaks for a class, float32 of (n, rows, columns) from 0 to 1.

    `images` are uint8 of (n, height, width, channels), `classes` the class of each. The last maps of the network are
    weighted by the mean gradient of the class's logit; what speaks against it counts as 0. A network without maps has
    no heat: None.
    """
    spatial = [layer for layer in model.layers if len(layer.output.shape) == 4 and layer.name.startswith("block")]
    if not spatial:
        return None
    maps, gradients = probing.gradients(model, spatial[-1].output, images, classes)
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    found = np.maximum((weights * maps).sum(axis=-1), 0)
    return np.asarray(found / np.maximum(found.max(axis=(1, 2), keepdims=True), 1e-12), np.float32)
