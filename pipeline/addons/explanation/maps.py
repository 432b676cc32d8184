"""What a network's convolutions have learnt: the maps that they make, and where they look."""

import re

import keras
import numpy as np
import tensorflow as tf

BLOCK = re.compile(r"(block\d+)_")


def features(model: keras.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each block puts out of a uint8 image of (height, width, channels), by its name.

    Maps are float32 of (height, width, filters); a network without blocks has none.
    """
    last = {found[1]: layer.output for layer in model.layers if (found := BLOCK.match(layer.name))}
    if not last:
        return {}
    outputs = keras.Model(model.input, last)(image[None], training=False)
    return {name: tf.cast(outputs[name][0], tf.float32).numpy() for name in last}


def heat(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """Return how much each place speaks for a class, float32 of (n, rows, columns) from 0 to 1.

    It is Grad-CAM (Selvaraju and others 2017, arXiv 1610.02391). `images` are uint8 of (n, height, width, channels),
    `classes` the class of each. The last maps of the network are weighted by the mean gradient of the class's logit;
    what speaks against it counts as 0. A network without maps has no heat: None.
    """
    spatial = [layer for layer in model.layers if len(layer.output.shape) == 4 and layer.name.startswith("block")]
    if not spatial:
        return None
    maps_and_logits = keras.Model(model.input, [spatial[-1].output, model.get_layer("logits").output])
    with tf.GradientTape() as tape:
        maps, logits = maps_and_logits(images, training=False)
        chosen = tf.gather(logits, classes, batch_dims=1)
    gradients = tf.cast(tape.gradient(chosen, maps), tf.float32).numpy()
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    found = np.maximum((weights * tf.cast(maps, tf.float32).numpy()).sum(axis=-1), 0)
    return np.asarray(found / np.maximum(found.max(axis=(1, 2), keepdims=True), 1e-12), np.float32)
