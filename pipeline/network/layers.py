"""Keras's layers under their own names, with the same weights, outputs and gradients, computed faster on a CPU."""

import keras
import tensorflow as tf

TILE = 32  # how many products of bfloat16 an AMX instruction sums


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """Keras's batch norm, for maps, by the one operation that TensorFlow has for it: several times faster."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalise (n, height, width, channels) by their own mean and variance in training, else by those kept."""
        mean, variance = (None, None) if training else (self.moving_mean.value, self.moving_variance.value)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, mean, variance, self.epsilon, is_training=training
        )
        if training:
            count = tf.cast(tf.size(inputs) / inputs.shape[-1], tf.float32)
            biased = variance * (count - 1) / count  # which is what Keras keeps
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, biased)):
                moving.assign(moving * self.momentum + new * (1 - self.momentum))
        return outputs


class Conv2D(keras.layers.Conv2D):  # type: ignore[misc]  # Keras has no types
    """Keras's convolution, but for the filters' gradient of narrow maps in bfloat16.

    oneDNN sums that gradient along a map's width, a tile at a time, so that most of a tile is idle where a map is
    7 wide. Several maps side by side fill it: the same sum, in half the time.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve (n, height, width, channels) with (height, width, channels, filters)."""
        narrow = inputs.shape[2] <= TILE // 4 and inputs.dtype == tf.bfloat16  # wider ones gain less than moving costs
        if narrow and self.padding == "same" and self.strides == self.dilation_rate == (1, 1):
            return _convolve_narrow(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _convolve_narrow(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    unit = {"strides": [1, 1, 1, 1], "padding": "SAME"}

    def gradients(outputs_gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inputs_gradient = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(inputs), filter=kernel, out_backprop=outputs_gradient, **unit
        )
        gap = kernel.shape[1] // 2  # zeros, as at a map's edge
        wide_inputs, wide_gradient = (_side_by_side(maps, gap) for maps in (inputs, outputs_gradient))
        kernel_gradient = tf.raw_ops.Conv2DBackpropFilter(
            input=wide_inputs, filter_sizes=kernel.shape, out_backprop=wide_gradient, **unit
        )
        return inputs_gradient, kernel_gradient

    return tf.nn.conv2d(inputs, kernel, **unit), gradients


def _side_by_side(maps: tf.Tensor, gap: int) -> tf.Tensor:
    together = max(1, TILE // (maps.shape[2] + gap))
    missing = -tf.shape(maps)[0] % together
    return tf.concat(tf.split(tf.pad(maps, [[0, missing], [0, 0], [0, gap], [0, 0]]), together), axis=2)
