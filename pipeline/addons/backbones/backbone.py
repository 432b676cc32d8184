"""A pretrained network as the first part of another, and the features that what is frozen of it computes once."""

import hashlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.addons.backbones import efficientnet_lite
from pipeline.base import processor
from pipeline.config import models
from pipeline.data import arrays
from pipeline.data.arrays import Array, LabelledRows
from pipeline.network import saving
from pipeline.network.training import Parts

FEATURES = Path(".features")  # a file for each pair of frozen layers and images


def build(pixels: Any, backbone: models.Backbone) -> Any:
    """Return the features of raw pixels, which a `backbone` makes; grey images are taken as red, green and blue.

    Its layers are frozen, but for those of the blocks from `train_from` on and the last convolution. Batch norm stays
    frozen in all of them: a small batch of photos tells little of their mean.
    """
    if pixels.shape[-1] == 1:
        pixels = keras.layers.Concatenate(name="grey")([pixels] * 3)
    features = efficientnet_lite.build(pixels, backbone.name)
    trained = False
    for layer in keras.Model(pixels, features).layers:
        trained = trained or layer.name.split("_")[0] == backbone.train_from
        layer.trainable = trained and not isinstance(layer, keras.layers.BatchNormalization)
    return features


def without_frozen(network: keras.Model, parts: Parts) -> tuple[keras.Model, Parts]:
    """Return what of a network can be trained, and what the layers before it make of images.

    What is returned shares its layers with `network`, and learns the same without augmentation. The frozen layers'
    maps or features are float32, kept in `.features/`, and read from there by whoever has the same layers and images.
    """
    first = next(layer for layer in network.layers if layer.trainable_weights)
    frozen = keras.Model(network.input, first.input, name="frozen")
    train, validation = (_computed(frozen, *part) for part in parts)
    return keras.Model(first.input, network.output, name=network.name), (train, validation)


def _computed(frozen: keras.Model, images: Array, labels: np.ndarray) -> LabelledRows:
    path = FEATURES / f"{_digest(frozen, images)}.npy"
    if not path.exists():
        print(f"what the frozen layers make of {len(images):,} images is computed once", flush=True)
        graph = tf.function(frozen, reduce_retracing=True)  # called as it is, Keras would keep the maps of all layers
        made = (graph(tf.constant(part)).numpy().astype(np.float32) for part in arrays.parts(images))
        arrays.write_array(path, np.dtype(np.float32), (len(images), *frozen.output_shape[1:]), made)
    return arrays.mapped(path, at_random=True), labels


def _digest(frozen: keras.Model, images: Array) -> str:
    """Return a name for what a network makes of images, by all that decides about its bits."""
    digest = hashlib.sha256(saving.to_bytes(frozen))
    digest.update(str((processor.machine(), [layer.compute_dtype for layer in frozen.layers])).encode())
    for part in arrays.parts(images):
        digest.update(part.tobytes())
    return digest.hexdigest()[:32]
