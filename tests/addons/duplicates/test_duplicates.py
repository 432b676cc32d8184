import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.duplicates import finding as duplicates
from pipeline.data.arrays import Labelled

NAMES = ["bag", "coat", "shoe"]
SHAPES = [(28, 28, 1), (8, 8, 1), (1, 1, 1), (33, 20, 3), (64, 64, 3)]


def noise(seed: int, count: int, shape: tuple[int, int, int] = (28, 28, 1)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def labelled(images: np.ndarray, labels: list[int] | None = None) -> Labelled:
    return images, np.array(labels or [0] * len(images))


def changed(image: np.ndarray, by: int) -> np.ndarray:
    """Move every pixel by so much, up or down, whichever stays within 0 to 255."""
    return np.where(image < 128, image + by, image - by).astype(np.uint8)


def listed(table: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(row) for row in table.drop(columns="distance").itertuples(index=False)]


def by_loops(splits: dict[str, Labelled]) -> list[tuple[object, ...]]:
    """Compare each image with each, as the module's docstring says it."""
    order = [(split, i) for split, (images, _) in splits.items() for i in range(len(images))]
    nearest: dict[tuple[object, ...], tuple[float, int, int, tuple[object, ...]]] = {}
    for first, second in itertools.combinations(order, 2):
        one, other = (splits[split][0][i].astype(float) for split, i in (first, second))
        distance = np.sqrt(np.mean((one - other) ** 2))
        if distance <= min(5, one.std() / 10, other.std() / 10):
            labels = [NAMES[splits[split][1][i]] for split, i in (first, second)]
            key = (second, first[0], labels[0])
            row = (*first, labels[0], *second, labels[1])
            found = (distance, order.index(first), order.index(second), row)
            nearest[key] = min(nearest.get(key, found), found)
    return [row for *_, row in sorted(nearest.values())]


def test_copies_between_splits_and_within_one_are_found_with_their_labels() -> None:
    train, test = noise(0, 5), noise(1, 4)
    test[3], train[4] = train[1], train[0]
    splits = {"train": labelled(train, [0, 0, 0, 0, 0]), "test": labelled(test, [1, 1, 1, 2])}
    table = duplicates.table(splits, NAMES)
    assert listed(table) == [("train", 0, "bag", "train", 4, "bag"), ("train", 1, "bag", "test", 3, "shoe")]
    assert table["distance"].tolist() == [0, 0]


@pytest.mark.parametrize("shape", SHAPES[:2] + SHAPES[3:])
@pytest.mark.parametrize(("by", "near"), [(1, True), (5, True), (6, False)])
def test_distance_is_the_root_mean_square_of_the_pixels_up_to_5(
    shape: tuple[int, int, int], by: int, near: bool
) -> None:
    images = noise(0, 3, shape)
    table = duplicates.table({"a": labelled(images), "b": labelled(changed(images[1:2], by))}, NAMES)
    assert listed(table) == ([("a", 1, "bag", "b", 0, "bag")] if near else [])
    assert table["distance"].tolist() == ([by] if near else [])


def test_just_one_pixel_more_is_no_duplicate() -> None:
    """The sum of squares of 784 pixels that differ by 5 is 19,600; a pixel that differs by 6 makes it 19,611."""
    image = noise(0, 1)
    other = changed(image, 5)
    other[0, 0, 0] = changed(image[0, 0, 0], 6)
    assert duplicates.table({"a": labelled(image), "b": labelled(other)}, NAMES).empty


@pytest.mark.parametrize(("light", "near"), [(60, True), (40, False)])
def test_pictures_with_little_in_them_must_be_nearer(light: int, near: bool) -> None:
    """A chessboard of 0 and 60 has a standard deviation of 30, which allows a difference of 3; one of 40, of 2."""
    board = (np.indices((28, 28)).sum(axis=0) % 2 * light).astype(np.uint8)[None, ..., None]
    table = duplicates.table({"a": labelled(board), "b": labelled(changed(board, 3))}, NAMES)
    assert len(table) == near


@given(st.integers(0, 10_000), st.sampled_from(SHAPES))
def test_table_is_that_of_loops_over_all_pairs(seed: int, shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(seed)
    chosen = noise(seed, 4, shape)[random.integers(0, 4, 14)]
    chosen = (chosen * random.choice([0.02, 0.1, 1], 14)[:, None, None, None]).astype(np.uint8)
    chosen = np.stack([changed(image, by) for image, by in zip(chosen, random.integers(0, 4, 14), strict=True)])
    labels = random.integers(0, 3, 14).tolist()
    splits = {"train": labelled(chosen[:8], labels[:8]), "test": labelled(chosen[8:], labels[8:])}
    assert listed(duplicates.table(splits, NAMES)) == by_loops(splits)


@pytest.mark.parametrize("brighter", [-5, 5])
def test_an_image_as_much_brighter_as_can_be_is_found(brighter: int) -> None:
    image = np.where(noise(0, 1) < 128, 10, 240)
    splits = {name: labelled(pixels.astype(np.uint8)) for name, pixels in (("a", image), ("b", image + brighter))}
    table = duplicates.table(splits, NAMES)
    assert table["distance"].tolist() == [5]


def test_thousands_of_black_images_are_each_listed_once() -> None:
    splits = {"train": labelled(np.zeros((20_000, 8, 8, 1), np.uint8)), "test": labelled(noise(0, 1, (8, 8, 1)))}
    table = duplicates.table(splits, NAMES)
    assert (table["first image"] == 0).all()
    assert table["second image"].tolist() == list(range(1, 20_000))


def test_an_empty_split_and_no_duplicates_at_all() -> None:
    splits = {"train": labelled(noise(0, 9)), "validation": (noise(1, 0), np.arange(0)), "test": labelled(noise(2, 9))}
    table = duplicates.table(splits, NAMES)
    assert table.empty
    assert [*table] == [f"{side} {what}" for side in ("first", "second") for what in ("split", "image", "label")] + [
        "distance"
    ]
