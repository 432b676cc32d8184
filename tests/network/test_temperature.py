from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.network import building, saving, temperature
from tests.conftest import ROOT

DEMO = loading.load(ROOT / "recipes" / "demo.yaml")
IMAGES = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1)).astype(np.uint8)
LABELS = np.arange(200) % 10


def loss(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(special.logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]))


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_temperature_gives_back_what_logits_were_multiplied_by(seed: int, factor: float) -> None:
    """Labels drawn from the probabilities themselves are right as often as the model is sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (20_000, 4))
    labels = (special.softmax(logits, axis=1).cumsum(axis=1) > random.random((20_000, 1))).argmax(axis=1)
    assert temperature.fit(factor * logits, labels) == pytest.approx(factor, rel=0.06)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.floats(0.01, 100))
def test_loss_is_never_higher(seed: int, images: int, size: float) -> None:
    random = np.random.default_rng(seed)
    logits, labels = random.normal(0, size, (images, 3)), random.integers(0, 3, images)
    found = temperature.fit(logits, labels)
    assert loss(logits / found, labels) <= loss(logits, labels) + 1e-6


@pytest.fixture(scope="module")
def overconfident() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = building.build(DEMO.models["vgg"], (28, 28, 1), 10, {"scale": [1 / 255], "offset": [0.0]})
    logits = model.get_layer("logits")
    logits.set_weights([100 * weights for weights in logits.get_weights()])
    return model


def test_scaled_model_says_the_same_classes_with_a_lower_loss(overconfident: keras.Model) -> None:
    scaled = temperature.scaled(overconfident, (IMAGES, LABELS))
    before, after = (model.predict(IMAGES, verbose=0) for model in (overconfident, scaled))
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert loss(np.log(after + 1e-30), LABELS) < loss(np.log(before + 1e-30), LABELS)
    assert after.max() < 1


def test_scaled_model_is_saved_whole_and_as_the_same_bytes(overconfident: keras.Model, tmp_path: Path) -> None:
    first, second = (temperature.scaled(overconfident, (IMAGES, LABELS)) for _ in range(2))
    content = saving.to_bytes(first)
    assert content == saving.to_bytes(second)
    (tmp_path / "model.keras").write_bytes(content)
    loaded = saving.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), first.predict(IMAGES, verbose=0))
    table = building.layer_table(loaded)
    assert table["layer"].tolist()[-3:] == ["logits", "temperature", "probabilities"]
    assert loaded.count_params() == overconfident.count_params()


def test_without_a_validation_part_it_is_refused(raw: dict[str, Any]) -> None:
    raw["prepare"]["validation_fraction"] = 0
    raw["models"]["vgg"]["train"] = {"temperature_scaling": True}
    with pytest.raises(InputError, match=r"validation_fraction is 0, but models\.vgg needs it for temperature"):
        loading.validate(raw)
