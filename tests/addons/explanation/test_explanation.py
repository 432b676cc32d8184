from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.addons.explanation import figure as explanation
from pipeline.addons.explanation import maps
from pipeline.config import loading, models
from pipeline.figures import png
from pipeline.network import building
from tests.conftest import ROOT

UNIT = {"scale": [1 / 255], "offset": [0.0]}
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
CASES = [(path, name) for path in RECIPES for name in loading.load(path).models]


def images(count: int, shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(np.uint8)


@pytest.mark.parametrize(("path", "name"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_every_recipes_network_is_explained_and_drawn(path: Path, name: str) -> None:
    network = loading.load(path).models[name]
    shape = (32, 32, 3) if "cifar" in path.stem else (28, 28, 1)
    model = building.build(network, shape, 7, UNIT)
    some = images(5, shape)
    features, heat = maps.features(model, some[0]), maps.heat(model, some, np.arange(5))
    filters = [16, 24, 40, 80, 112, 192, 320] if network.backbone else [block.filters[-1] for block in network.blocks]
    assert {name: block.shape[-1] for name, block in features.items()} == {
        f"block{number}": count for number, count in enumerate(filters, 1)
    }
    assert (heat is None) == (not filters)
    assert heat is None or np.all((heat >= 0) & (heat <= 1))
    for figure in (explanation.features(some[0], features), explanation.heat(some, heat, list("abcde"))):
        assert png.encode(figure)


def tiny() -> Any:
    """Build a network of one convolution of two filters, 1 × 1, whose maps are what its weights say."""
    raw = loading.load(ROOT / "recipes" / "demo.yaml").models["vgg"]
    block = models.Block(filters=[2], kernel_size=[1], activation=["linear"], pool="none")
    model = building.build(raw.model_copy(update={"blocks": [block], "dense": []}), (3, 3, 1), 2, UNIT)
    model.get_layer("block1_conv1").set_weights([np.array([[[[1.0, -2.0]]]]), np.zeros(2)])
    logits = np.zeros((18, 2), np.float32)
    logits[0::2, 1], logits[1::2, 1] = 3.0, 0.5  # class 1 likes the first map, and the second a little
    model.get_layer("logits").set_weights([logits, np.zeros(2)])
    return model


def test_heat_is_the_maps_weighted_by_their_mean_gradients() -> None:
    image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1) * 20
    pixels = image[0, ..., 0] / 255
    expected = np.maximum(3.0 * pixels + 0.5 * (-2 * pixels), 0)
    found = maps.heat(tiny(), image, np.array([1]))
    assert found is not None
    np.testing.assert_allclose(found[0], expected / expected.max(), rtol=1e-5)
    nothing = maps.heat(tiny(), image, np.array([0]))  # whose logit is 0 whatever the maps are
    assert nothing is not None
    assert not nothing.any()


def test_maps_are_the_networks_own() -> None:
    image = images(1, (3, 3, 1))[0]
    np.testing.assert_allclose(maps.features(tiny(), image)["block1"], image / 255 * np.array([1.0, -2.0]), rtol=1e-6)
