"""Muon for convolutions: Keras's own leaves all kernels but those of dense layers to AdamW."""

from typing import Any

import keras
import tensorflow as tf


class Muon(keras.optimizers.Muon):  # type: ignore[misc]  # Keras has no types
    """Make the momentum of each kernel orthogonal, as a matrix of (inputs, filters) (Jordan 2024).

    Biases, norms and the last layer are AdamW's. The steps are scaled to the size of Adam's (Liu 2025, 0.2 · √longer
    side), so that both take the same learning rate.
    """

    def __init__(self, *arguments: Any, weight_decay: float, **options: Any) -> None:
        super().__init__(*arguments, weight_decay=weight_decay, adam_weight_decay=weight_decay, **options)

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) < 2 or variable.path.startswith("logits/")

    def _muon_update_step(self, gradient: tf.Tensor, variable: keras.Variable, rate: tf.Tensor, momentum: Any) -> None:
        self.assign(momentum, self.momentum * momentum + gradient)
        ahead = gradient + self.momentum * momentum if self.nesterov else momentum
        matrix = tf.reshape(ahead, (-1, variable.shape[-1]))
        step = self.lr_adjust(rate * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, tf.reshape(step, variable.shape))
