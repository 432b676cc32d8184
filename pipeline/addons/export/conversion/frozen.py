"""A network as one function of TensorFlow, its weights inside: what every format is made from."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


def frozen(model: keras.Model) -> Any:
    """Return the `tf.function` from `pixels`, uint8 of (n, height, width, channels), to float32 `probabilities`.

    Its weights are constants. So is the state of dropout's generator, which prediction does not use and Keras draws
    anew each time that it loads a model: it becomes 0.
    """
    weights = {id(weight) for weight in model.weights}

    def value(variable: keras.Variable) -> np.ndarray:
        return variable.numpy() if id(variable) in weights else np.zeros(variable.shape, variable.dtype)

    trainable = [value(variable) for variable in model.trainable_variables]
    others = [value(variable) for variable in model.non_trainable_variables]
    pixels = tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8, name="pixels")

    @tf.function(input_signature=[pixels], autograph=False)  # type: ignore[untyped-decorator]
    def network(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": model.stateless_call(trainable, others, pixels, training=False)[0]}

    return network
