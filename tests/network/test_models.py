import hashlib
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading, models
from pipeline.config.models import Model
from pipeline.data import datasets
from pipeline.network import building, saving, training
from tests.conftest import PARAMS, ROOT

UNIT = {"scale": [1 / 255], "offset": [0.0]}
FILES = [ROOT / "params.yaml", *sorted((ROOT / "recipes").rglob("*.yaml"))]
MODELS = [(path, name) for path in FILES for name in loading.load(path).models]
PUBLISHED = loading.load(PARAMS)
DEMO = loading.load(ROOT / "recipes" / "demo.yaml")


def network(**description: Any) -> Model:
    train = files.read_yaml(PARAMS)["train"]
    return Model.model_validate({**description, "train": train})


def build(description: Model, channels: int = 1, classes: int = 10, scaling: dict[str, list[float]] = UNIT) -> Any:

    return building.build(description, (28, 28, channels), classes, scaling)


@pytest.mark.parametrize(("name", "count"), [("baseline", 241_546), ("vgg", 5_240_842), ("vgg_augmented", 5_240_842)])
def test_published_parameter_counts(name: str, count: int) -> None:
    assert build(PUBLISHED.models[name]).count_params() == count


@pytest.mark.parametrize(("file", "name"), MODELS, ids=lambda part: getattr(part, "name", part))
def test_every_model_gives_probabilities_and_a_gradient_in_every_parameter(file: Path, name: str) -> None:
    keras.utils.set_random_seed(0)
    params = loading.load(file)
    shape = datasets.image_shape(params.fetch)
    assert shape
    model = building.build(params.models[name], shape, 10, UNIT)
    images = np.random.default_rng(0).integers(0, 256, (16, *shape), np.uint8)
    with tf.GradientTape() as tape:
        probabilities = model(images, training=True)
        loss = keras.losses.SparseCategoricalCrossentropy()(np.arange(16) % 10, probabilities)
    assert probabilities.shape == (16, 10)
    np.testing.assert_allclose(probabilities.numpy().sum(axis=1), 1, atol=1e-5)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient.numpy()).all(), variable.path
        assert np.any(gradient.numpy()), variable.path


def test_every_setting_of_a_block_becomes_its_layer() -> None:
    model = build(
        network(
            blocks=[
                {
                    "filters": [4, 6],
                    "kernel_size": [3, 2],
                    "padding": ["same", "valid"],
                    "activation": ["linear", "relu"],
                    "use_bias": [True, False],
                    "kernel_initializer": [{"name": "normal", "stddev": 0.01}, "he_normal"],
                    "dropout": [0.1, 0.2],
                    "batch_norm": "after_pool",
                },
                {"filters": [8], "batch_norm": "after_convolution", "pool": "none"},
            ],
            dense=[{"units": 5, "activation": "tanh", "batch_norm": True, "dropout": 0.3}],
        )
    )
    assert [layer.name for layer in model.layers] == [
        *("pixels", "scaling"),
        *("block1_conv1", "block1_conv1_dropout", "block1_conv2", "block1_pool"),
        *("block1_conv2_activation", "block1_norm", "block1_dropout"),
        *("block2_conv1", "block2_conv1_norm", "block2_conv1_activation"),
        *("flatten", "dense1", "dense1_norm", "dense1_dropout", "logits", "probabilities"),
    ]
    first, second = model.get_layer("block1_conv1"), model.get_layer("block1_conv2")
    assert (first.filters, first.kernel_size, first.padding, first.use_bias) == (4, (3, 3), "same", True)
    assert (second.filters, second.kernel_size, second.padding, second.use_bias) == (6, (2, 2), "valid", False)
    assert first.kernel_initializer.stddev == 0.01
    assert (first.activation.__name__, second.activation.__name__) == ("linear", "linear")
    assert model.get_layer("block1_conv2_activation").activation.__name__ == "relu"
    assert (model.get_layer("block1_conv1_dropout").rate, model.get_layer("block1_dropout").rate) == (0.1, 0.2)
    assert model.get_layer("block2_conv1").activation.__name__ == "linear"
    assert model.get_layer("block2_conv1_activation").activation.__name__ == "relu"


@pytest.mark.parametrize("activation", get_args(models.Activation))
def test_an_activation_that_falls_somewhere_stands_before_the_pool(activation: str) -> None:
    given = np.linspace(-20, 20, 4001, dtype=np.float32)
    falls = (np.diff(keras.activations.get(activation)(given)) < -1e-6).any()  # more than rounding does
    assert not (falls and activation in building.MONOTONE)
    names = [layer.name for layer in build(network(blocks=[{"filters": [4], "activation": activation}])).layers]
    assert ("block1_conv1_activation" in names) == (activation in building.MONOTONE)


@pytest.mark.parametrize("activation", get_args(models.Activation))
def test_pool_takes_the_greatest_of_what_the_activation_gives(activation: str) -> None:
    keras.utils.set_random_seed(1)
    model = build(network(blocks=[{"filters": [4], "activation": activation}]))
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), np.uint8))
    convolution = model.get_layer("block1_conv1")
    convolution.kernel.assign(convolution.kernel * 10)  # as far from 0 as activations fall
    usual = keras.layers.Conv2D(4, 3, padding="same", activation=activation)
    usual.build((None, 28, 28, 1))
    usual.set_weights(convolution.get_weights())
    with tf.GradientTape(persistent=True) as tape:
        ours = keras.Model(model.input, model.get_layer("flatten").input)(images)
        theirs = keras.layers.MaxPooling2D()(usual(images / 255))
        sums = [tf.reduce_sum(maps**2) for maps in (ours, theirs)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    mine, other = (
        tape.gradient(total, layer.kernel.value) for total, layer in zip(sums, (convolution, usual), strict=True)
    )
    np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-5 * np.abs(other).max())


def test_residual_adds_the_blocks_input_before_its_last_activation() -> None:
    blocks = [{"filters": [4, 6], "residual": True}, {"filters": [6], "residual": True, "pool": "none"}]
    model = build(network(blocks=blocks, dense=[]))
    assert [layer.name for layer in model.layers if "add" in layer.name or "shortcut" in layer.name] == [
        *("block1_conv2_shortcut", "block1_conv2_add", "block2_conv1_add")
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1), np.uint8)
    names = ("block1_conv2_activation", "block2_conv1", "block2_conv1_activation")
    before, changed, after = keras.Model(model.input, [model.get_layer(name).output for name in names])(pixels)
    np.testing.assert_allclose(after, np.maximum(changed + before, 0), atol=1e-6)


def test_strides_and_global_pools() -> None:
    blocks = [{"filters": [4, 8], "strides": [2, 1], "pool": "none"}]
    model = build(network(blocks=blocks, dense=[], global_pool="max"))
    assert model.get_layer("block1_conv2").output.shape[1:] == (14, 14, 8)
    assert model.get_layer("global_pool").output.shape[1:] == (8,)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    for kind, reduce in (("max", np.max), ("average", np.mean)):
        model = build(network(blocks=blocks, dense=[], global_pool=kind))
        maps, pooled = keras.Model(
            model.input, [model.get_layer(name).output for name in ("block1_conv2", "global_pool")]
        )(pixels)
        np.testing.assert_allclose(pooled, reduce(maps.numpy(), axis=(1, 2)), rtol=1e-5)


def test_whatever_the_precision_the_saved_network_is_keras_own_in_float32(tmp_path: Path) -> None:
    described = network(blocks=[{"filters": [4, 6], "batch_norm": "after_convolution"}, {"filters": [8]}], dense=[])
    exact, images = build(described), np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8)
    train = described.train.model_copy(update={"precision": "mixed_bfloat16"})
    model = build(described.model_copy(update={"train": train}))
    assert {layer.compute_dtype for layer in model.layers[1:-2]} == {"bfloat16"}
    assert {variable.dtype for variable in model.weights} == {"float32"}
    assert model.output.dtype == model.get_layer("logits").output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"
    model.set_weights(exact.get_weights())
    (tmp_path / "model.keras").write_bytes(saving.to_bytes(model))
    saved = saving.load(tmp_path / "model.keras")
    assert all(type(layer).__module__.startswith("keras.") for layer in saved.layers)
    np.testing.assert_array_equal(training.predict(saved, images), training.predict(exact, images))
    np.testing.assert_allclose(training.predict(model, images), training.predict(exact, images), atol=0.02)


def test_network_without_blocks_is_dense_only() -> None:
    assert build(network(dense=[{"units": 100}])).count_params() == 79_510


def test_scaling_is_the_first_layer() -> None:
    model = build(network(), channels=3, scaling={"scale": [0.5, 1.0, 2.0], "offset": [0.0, -1.0, 1.0]})
    scaled = keras.Model(model.input, model.get_layer("scaling").output)
    pixels = np.full((1, 28, 28, 3), 10, np.uint8)
    assert scaled(pixels).numpy()[0, 0, 0].tolist() == [5.0, 9.0, 21.0]


def test_layer_table_adds_up() -> None:
    model = build(PUBLISHED.models["vgg"])
    table = building.layer_table(model)
    assert sum(table["parameters"]) == 5_240_842
    assert table.set_index("layer").loc["block2_pool", "output_shape"] == "6 × 6 × 256"


def test_saved_network_is_the_same_bytes_and_predicts_the_same(tmp_path: Path) -> None:
    digests, outputs = [], []
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8)
    for _ in range(2):
        keras.utils.set_random_seed(7)
        model = build(DEMO.models["vgg"])
        path = tmp_path / "model.keras"
        path.write_bytes(saving.to_bytes(model))
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
        outputs += [training.predict(model, images), training.predict(saving.load(path), images)]
    assert digests[0] == digests[1]
    assert all(np.array_equal(outputs[0], other) for other in outputs)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip"])
def test_broken_model_is_named(tmp_path: Path, content: bytes) -> None:

    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.keras is not a whole \.keras file"):
        saving.load(tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"other\.keras is missing"):
        saving.load(tmp_path / "other.keras")


@pytest.mark.parametrize(
    ("given", "steps", "momentum"), [(None, 90, 0.8889), (None, 5, 0.0), (None, 5000, 0.99), (0.7, 90, 0.7)]
)
def test_batch_norm_that_is_given_no_momentum_settles_in_the_steps_there_are(
    raw: dict[str, Any], given: float | None, steps: int, momentum: float
) -> None:
    block = {"filters": [4], "batch_norm": "after_convolution", "batch_norm_momentum": given}
    raw["models"]["vgg"] |= {"blocks": [block], "dense": [{"units": 4, "batch_norm": True}]}
    model = building.build(loading.validate(raw).models["vgg"], (8, 8, 1), 2, UNIT, steps)
    assert model.get_layer("block1_conv1_norm").momentum == momentum
    assert model.get_layer("dense1_norm").momentum == (momentum if given is None else 0.8889)
