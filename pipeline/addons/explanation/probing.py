"""What goes on inside a trained network: any layer's output, and gradients of its logits."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.network import training


def output_of(model: keras.Model, tensor: Any, images: np.ndarray) -> np.ndarray:
    """Return one of a network's tensors for uint8 images of (n, height, width, channels), as float32 of (n, ...)."""
    return training.predict(keras.Model(model.input, tensor), images).astype(np.float32)


def outputs_of(model: keras.Model, tensors: dict[str, Any], image: np.ndarray) -> dict[str, np.ndarray]:
    """Return several of a network's tensors, by name, for one uint8 image of (height, width, channels), as float32."""
    found = keras.Model(model.input, tensors)(image[None], training=False)
    return {name: tf.cast(found[name][0], tf.float32).numpy() for name in tensors}


def gradients(
    model: keras.Model, tensor: Any, images: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a tensor for some images, and the gradient by it of each image's class's logit, float32 of (n, ...)."""
    both = keras.Model(model.input, [tensor, model.get_layer("logits").output])
    with tf.GradientTape() as tape:
        values, logits = both(images, training=False)
        chosen = tf.gather(logits, classes, batch_dims=1)
    found = tape.gradient(chosen, values)
    return tf.cast(values, tf.float32).numpy(), tf.cast(found, tf.float32).numpy()
