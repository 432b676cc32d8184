from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.network import layers


@given(st.integers(0, 10_000), st.sampled_from([(2, 3, 5, 4), (7, 1, 1, 3), (1, 6, 2, 1)]), st.floats(0.5, 0.99))
@settings(max_examples=20)
def test_batch_norm_is_keras_own(seed: int, shape: tuple[int, ...], momentum: float) -> None:
    generator = np.random.default_rng(seed)
    ours, theirs = (kind.BatchNormalization(momentum=momentum) for kind in (layers, keras.layers))
    weights = generator.normal(size=(2, shape[-1])).astype(np.float32)
    for layer in (ours, theirs):
        layer.build(shape)
        layer.set_weights([*weights, np.zeros(shape[-1]), np.ones(shape[-1])])
    for _ in range(3):
        maps = generator.normal(3, 2, shape).astype(np.float32)
        np.testing.assert_allclose(ours(maps, training=True), theirs(maps, training=True), atol=2e-4)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours(maps, training=False), theirs(maps, training=False), rtol=1e-4, atol=1e-4)


@given(
    st.integers(0, 10_000),
    st.integers(1, 9),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from(["same", "valid"]),
)
@settings(max_examples=60)
def test_convolution_in_bfloat16_has_keras_outputs_and_gradients(
    seed: int, count: int, size: tuple[int, int], kernel: tuple[int, int], padding: str
) -> None:
    if padding == "valid":
        size = (max(size[0], kernel[0]), max(size[1], kernel[1]))
    generator = np.random.default_rng(seed)
    maps = generator.integers(-2, 3, (count, *size, 3)).astype(np.float32)
    weights = generator.integers(-1, 2, (*kernel, 3, 4)).astype(np.float32)
    results = []
    for kind, dtype in ((layers, tf.bfloat16), (keras.layers, tf.float32)):
        layer = kind.Conv2D(4, kernel, padding=padding, use_bias=False, dtype=dtype.name)
        layer.build(maps.shape)
        layer.set_weights([weights])
        inputs = tf.constant(maps, dtype)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        upstream = tf.reshape(tf.range(tf.size(outputs)) % 5 - 2, outputs.shape)
        gradients = tape.gradient(outputs, [inputs, layer.kernel.value], tf.cast(upstream, dtype))
        results.append([tf.cast(result, tf.float32) for result in (outputs, *gradients)])
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=2**-8)  # sums of small integers, exact but for the last rounding


def test_filters_gradient_of_narrow_maps_in_bfloat16_is_of_wide_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    take = tf.raw_ops.Conv2DBackpropFilter

    def taken(**given: Any) -> Any:
        seen.append(given["input"].shape[2])
        return take(**given)

    monkeypatch.setattr(tf.raw_ops, "Conv2DBackpropFilter", taken)
    for width, kernel in ((7, 3), (8, 5), (9, 3), (7, 53)):
        layer = layers.Conv2D(4, kernel, padding="same", dtype="mixed_bfloat16")
        with tf.GradientTape() as tape:
            outputs = layer(tf.ones((6, 7, width, 3), tf.bfloat16))
        assert tape.gradient(outputs, layer.kernel.value).shape == (kernel, kernel, 3, 4)
    assert seen == [32, 30, 33]  # four of 7 + 1; three of 8 + 2; 9 is wide enough; one of 7 + 26
