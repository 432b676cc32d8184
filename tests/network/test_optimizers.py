from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.network import optimizers
from pipeline.network.optimizers import Muon


@given(
    st.integers(0, 10_000),
    st.sampled_from([(1,), (7,), (3, 3, 2, 5), (40, 12)]),
    st.sampled_from(["Adam", "AdamW"]),
    st.floats(0, 0.99),
    st.floats(0.5, 0.999),
    st.floats(1e-8, 1e-2),
)
@settings(max_examples=30)
def test_adam_is_keras_own(
    seed: int, shape: tuple[int, ...], kind: str, beta_1: float, beta_2: float, epsilon: float
) -> None:
    generator = np.random.default_rng(seed)
    start, *gradients = generator.normal(size=(6, *shape)).astype(np.float32)
    weights = [keras.Variable(start), keras.Variable(start)]
    constants = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    constants |= {"weight_decay": 0.3} if kind == "AdamW" else {}
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    for module, weight in zip((optimizers, keras.optimizers), weights, strict=True):
        optimizer = getattr(module, kind)(rate, **constants)
        for gradient in gradients:
            optimizer.apply([gradient], [weight])
    np.testing.assert_allclose(weights[0].numpy(), weights[1].numpy(), rtol=1e-4, atol=1e-5)


def test_weight_decay_of_muon_is_keras_own() -> None:
    class Theirs(Muon):
        _apply_weight_decay = keras.optimizers.Muon._apply_weight_decay

    generator, found = np.random.default_rng(0), []
    start, *gradients = generator.normal(size=(4, 3, 3, 8, 16)).astype(np.float32)
    for kind in (Muon, Theirs):
        kernel, bias = keras.Variable(start, name="kernel"), keras.Variable(start[0, 0, 0], name="bias")
        optimizer = kind(keras.optimizers.schedules.CosineDecay(0.1, 10), weight_decay=0.3)
        for gradient in gradients:
            optimizer.apply([gradient, gradient[0, 0, 0]], [kernel, bias])
        found.append([kernel.numpy(), bias.numpy()])
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def step(shape: tuple[int, ...], path: str = "block1_conv1/kernel", **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a random gradient, and what one step of rate 1 subtracts from a weight."""
    weight = keras.Variable(np.zeros(shape, np.float32), name="kernel")
    weight._path = path
    gradient = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    optimizer = Muon(learning_rate=1.0, weight_decay=0.0, momentum=0.0, **options)
    optimizer.build([weight])
    optimizer.apply([gradient])
    return gradient, -weight.numpy()


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (2, 2, 4, 32), (40, 12)])
def test_step_is_the_gradient_with_singular_values_of_about_one_times_adams_size(shape: tuple[int, ...]) -> None:
    gradient, change = step(shape)
    matrix, moved = (array.reshape(-1, shape[-1]) for array in (gradient, change))
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    values = left.T @ moved @ right.T / (0.2 * np.sqrt(max(matrix.shape)))
    assert np.diag(values) == pytest.approx([1.0] * len(values), abs=0.35)  # Newton–Schulz in five steps is that rough
    assert np.abs(values - np.diag(np.diag(values))).max() < 0.02
    assert np.sqrt(np.mean(change**2)) == pytest.approx(
        0.2 * np.sqrt(min(matrix.shape) * max(matrix.shape) / matrix.size), rel=0.2
    )


@pytest.mark.parametrize("shape", [(90, 20), (20, 90), (30, 30)])
@pytest.mark.parametrize("smallest", [1.0, 1e-4])
def test_orthogonal_matrix_is_keras_own(shape: tuple[int, int], smallest: float) -> None:
    generator, rank = np.random.default_rng(1), min(shape)
    left, right = (np.linalg.qr(generator.normal(size=(side, rank)))[0] for side in shape)
    matrix = (left * np.geomspace(1, smallest, rank) @ right.T).astype(np.float32)
    optimizer = Muon(weight_decay=0.0)
    for steps in (1, 5):
        ours = optimizer.zeropower_via_newtonschulz5(matrix, steps)
        theirs = keras.optimizers.Muon.zeropower_via_newtonschulz5(optimizer, keras.ops.array(matrix), steps)
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize(("shape", "path"), [((16,), "block1_conv1/bias"), ((20, 10), "logits/kernel")])
def test_the_rest_is_adams(shape: tuple[int, ...], path: str) -> None:
    gradient, change = step(shape, path)
    np.testing.assert_allclose(change, np.sign(gradient), atol=1e-3)  # as Adam's first step is
