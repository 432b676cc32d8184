from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")


def step(shape: tuple[int, ...], path: str = "block1_conv1/kernel", **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a random gradient, and what one step of rate 1 subtracts from a weight."""
    import keras

    from pipeline.muon import Muon

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


@pytest.mark.parametrize(("shape", "path"), [((16,), "block1_conv1/bias"), ((20, 10), "logits/kernel")])
def test_the_rest_is_adams(shape: tuple[int, ...], path: str) -> None:
    gradient, change = step(shape, path)
    np.testing.assert_allclose(change, np.sign(gradient), atol=1e-3)  # as Adam's first step is
