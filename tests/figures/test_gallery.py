import numpy as np
import pytest

from pipeline.figures import gallery, png
from tests.pictures import is_whole, shown

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (24, 96, 3), (96, 96, 3)]


def names(count: int) -> list[str]:
    return [f"class number {index}" for index in range(count)]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_clipped_at_the_edges(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (100, *shape), np.uint8)
    assert is_whole(gallery.augmented(images[0], images))
    assert is_whole(gallery.augmented(images[0], None))


@pytest.mark.parametrize("classes", [2, 10, 25])
def test_samples_are_not_clipped(classes: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3 * classes, 8, 8, 3), np.uint8)
    assert is_whole(gallery.samples(images, np.arange(3 * classes) % classes, names(classes)))


def test_samples_of_many_classes_are_fewer_of_each() -> None:
    images = np.arange(200 * 20, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(8, 1).repeat(8, 2)
    (mosaic,) = shown(gallery.samples(images, np.arange(len(images)) % 200, names(200)))
    assert mosaic.reshape(200, -1).shape == (20 * 10, 6 * 10)


def test_samples_in_colour_stay_small() -> None:
    images = np.random.default_rng(0).integers(0, 256, (240, 32, 32, 3), np.uint8)
    assert len(png.encode(gallery.samples(images, np.arange(240) % 20, names(20)))) < 400_000


def test_augmentations_are_in_rows_dark_on_white() -> None:
    changed = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1).repeat(28, 1).repeat(28, 2)
    original, mosaic = shown(gallery.augmented(changed[7], changed))
    assert np.unique(original) == 255 - 7
    cells = mosaic.reshape(10, 30, 10, 30)[:, 1:-1, :, 1:-1]
    assert np.array_equal(cells[:, 0, :, 0].ravel(), 255 - np.arange(100))
    assert (cells == cells[:, :1, :, :1]).all()


def test_colours_are_shown_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(shown(gallery.augmented(image, None))[0], image)
