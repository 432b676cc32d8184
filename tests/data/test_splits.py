import math
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from pipeline.base.errors import InputError
from pipeline.config.schema import Prepare
from pipeline.data import arrays, splits

LABELS = np.repeat(np.arange(4), [40, 80, 20, 60])


@pytest.mark.parametrize("how", ["stratified", "random", "tail"])
@given(fraction=st.floats(0.05, 0.95), seed=st.integers(0, 100))
def test_split_parts_every_index_once_and_to_size(how: str, fraction: float, seed: int) -> None:
    kept, held = splits.split(LABELS, fraction, how, seed)
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(200))
    assert len(kept) == int(200 * (1 - fraction))
    assert np.all(np.diff(kept) > 0)
    assert np.all(np.diff(held) > 0)


@given(st.lists(st.integers(2, 30), min_size=2, max_size=6), st.floats(0.05, 0.95), st.integers(0, 100), st.randoms())
def test_split_is_that_of_scikit_learn(sizes: list[int], fraction: float, seed: int, shuffler: Random) -> None:
    in_order = np.repeat(np.arange(len(sizes)) * 2, sizes).tolist()  # of every other class there is none
    labels = np.array(shuffler.sample(in_order, len(in_order)))
    held_out = len(labels) - math.floor(len(labels) * (1 - fraction))
    for how, stratify in (("stratified", labels), ("random", None)):
        try:
            theirs = train_test_split(np.arange(len(labels)), test_size=held_out, stratify=stratify, random_state=seed)
        except ValueError:
            with pytest.raises(InputError):
                splits.split(labels, fraction, how, seed)
        else:
            ours = splits.split(labels, fraction, how, seed)
            assert [part.tolist() for part in ours] == [sorted(part) for part in theirs]


def test_stratified_split_keeps_each_class_share() -> None:
    _, held = splits.split(LABELS, 0.25, "stratified", 42)
    assert np.bincount(LABELS[held]).tolist() == [10, 20, 5, 15]


def test_tail_split_is_the_last_part_as_keras_takes_it() -> None:
    assert splits.split(LABELS, 0.25, "tail", 0)[1].tolist() == list(range(150, 200))


def test_impossible_stratified_split_is_refused() -> None:
    with pytest.raises(InputError, match=r"stratified split of 0\.25 of 5 images"):
        splits.split(np.array([0, 0, 0, 0, 1]), 0.25, "stratified", 0)


def parted(test: np.ndarray | None = None, **prepare: Any) -> dict[str, tuple[str, np.ndarray]]:
    """Divide 200 images."""
    labels = {"train": LABELS} if test is None else {"train": LABELS, "test": test}
    return splits.three_parts(labels, Prepare(**{"scaling": "unit", "seed": 42, **prepare}))


def test_dataset_without_test_split_gives_up_as_many_of_each_class() -> None:
    parts = parted(validation_fraction=0.25, test_fraction=0.2, split="random")
    assert [(name, split, len(rows)) for name, (split, rows) in parts.items()] == [
        ("train", "train", 120),
        ("validation", "train", 40),
        ("test", "train", 40),
    ]
    assert sorted(np.concatenate([rows for _, rows in parts.values()])) == list(range(200))
    assert np.bincount(LABELS[parts["test"][1]]).tolist() == [8, 16, 4, 12]


def test_without_a_validation_fraction_all_training_images_are_trained_on() -> None:
    parts = parted(LABELS[:3], validation_fraction=0, split="tail")
    assert {name: (split, rows.tolist()) for name, (split, rows) in parts.items()} == {
        "train": ("train", list(range(200))),
        "validation": ("train", []),
        "test": ("test", [0, 1, 2]),
    }


def test_published_test_split_is_left_alone() -> None:
    parts = parted(LABELS[:3], validation_fraction=0.25, split="stratified")
    assert parts["test"][0] == "test"
    assert parts["test"][1].tolist() == [0, 1, 2]
    assert len(parts["train"][1]) == 150


@pytest.mark.parametrize(("how", "scaler"), [("min_max", MinMaxScaler()), ("standard", StandardScaler())])
def test_scaling_agrees_with_scikit_learn(how: str, scaler: MinMaxScaler | StandardScaler) -> None:
    images = np.random.default_rng(0).integers(20, 200, (50, 4, 4, 1), np.uint8)
    fitted = splits.scaling(images, how)
    scaled = images * fitted["scale"] + fitted["offset"]
    np.testing.assert_allclose(scaled.ravel(), scaler.fit_transform(images.reshape(-1, 1)).ravel(), atol=1e-12)


def test_standard_scaling_is_by_channel() -> None:
    images = np.random.default_rng(0).integers(0, 100, (50, 4, 4, 3), np.uint8) + np.array([0, 50, 100], np.uint8)
    fitted = splits.scaling(images, "standard")
    scaled = images * fitted["scale"] + fitted["offset"]
    np.testing.assert_allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=(0, 1, 2)), 1)


@pytest.mark.parametrize("how", ["unit", "min_max", "standard"])
def test_scaling_of_images_in_a_file_is_the_same_to_the_last_bit(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(20, 200, (50, 4, 4, 3), np.uint8)
    arrays.write(tmp_path / "train", images, np.zeros(50, int))
    whole = splits.scaling(images, how)
    monkeypatch.setattr(arrays, "AT_ONCE", 1000)
    assert splits.scaling(arrays.read(tmp_path / "train")[0], how) == whole


def test_unit_scaling_divides_by_255() -> None:
    assert splits.scaling(np.zeros((1, 2, 2, 1), np.uint8), "unit") == {"scale": [1 / 255], "offset": [0.0]}


def test_scaling_of_one_level_is_refused() -> None:
    with pytest.raises(InputError, match="every training pixel is 7"):
        splits.scaling(np.full((3, 2, 2, 1), 7, np.uint8), "standard")


def test_a_random_split_does_not_keep_each_class_share() -> None:
    held = [splits.split(LABELS, 0.25, "random", seed)[1] for seed in range(5)]
    assert any(np.bincount(LABELS[part], minlength=4).tolist() != [10, 20, 5, 15] for part in held)


@pytest.mark.parametrize(("fraction", "held_out"), [(0.1, 1), (0.85, 9)])
def test_one_image_is_enough_for_a_part(fraction: float, held_out: int) -> None:
    kept, held = splits.split(np.zeros(10, int), fraction, "tail", 0)
    assert (len(kept), len(held)) == (10 - held_out, held_out)


@pytest.mark.parametrize(("images", "fraction"), [(1, 0.5), (1, 0.01), (0, 0.5), (200, 0.9999)])
def test_a_split_that_leaves_a_part_empty_is_refused(images: int, fraction: float) -> None:
    with pytest.raises(InputError, match=f"a split of {fraction} of {images} images leaves one part empty"):
        splits.split(np.zeros(images, int), fraction, "tail", 0)
