import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.robustness import corruptions
from pipeline.addons.robustness.corruptions import CORRUPTIONS

SHAPES = [(28, 28, 1), (8, 8, 1), (20, 32, 3)]


def images(shape: tuple[int, int, int], count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corrupted_images_have_the_shape_of_images_and_are_the_same_each_time(
    name: str, shape: tuple[int, int, int]
) -> None:
    given_, before = images(shape), images(shape)
    for strength in range(1, 6):
        changed, again = (corruptions.corrupted(given_, name, strength) for _ in range(2))
        assert changed.dtype == np.uint8
        assert changed.shape == given_.shape
        np.testing.assert_array_equal(changed, again)
    np.testing.assert_array_equal(given_, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_greater_strength_changes_more(name: str) -> None:
    smooth = (np.indices((40, 28, 28))[2] * 5 + 60).astype(np.uint8)[..., None]
    changes = [
        np.abs(corruptions.corrupted(smooth, name, strength).astype(int) - smooth).mean() for strength in range(1, 6)
    ]
    assert changes == sorted(changes)
    assert changes[0] > 0


def test_shift_by_whole_pixels_moves_and_repeats_the_edge() -> None:
    image = np.zeros((50, 10, 10, 1), np.uint8)
    image[:, 4, 4] = 200
    moved = corruptions.shift(image, 0.2, np.random.default_rng(0))
    places = {tuple(map(int, np.argwhere(one[..., 0])[0])) for one in moved}
    assert places == {(4 + 2 * down, 4 + 2 * right) for down, right in corruptions.DIRECTIONS}
    assert np.all(moved.sum(axis=(1, 2, 3)) == 200)


def test_rotation_by_a_right_angle_is_numpys() -> None:
    square = images((9, 9, 1))
    turned = corruptions.rotation(square, 90, np.random.default_rng(0))
    for one, other in zip(square, turned, strict=True):
        assert any(np.array_equal(np.rot90(one, times), other) for times in (1, 3))


def test_noise_has_its_deviation() -> None:
    grey = np.full((10, 50, 50, 1), 128, np.uint8)
    noisy = corruptions.noise(grey, 0.1, np.random.default_rng(0)).astype(float)
    assert noisy.std() == pytest.approx(25.5, rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.5)


def test_contrast_keeps_the_mean_and_a_share_of_the_deviation() -> None:
    given_ = images((28, 28, 1), 1)
    pale = corruptions.contrast(given_, 0.5, np.random.default_rng(0)).astype(float)
    assert pale.mean() == pytest.approx(given_.mean(), abs=0.5)
    assert pale.std() == pytest.approx(given_.std() / 2, rel=0.02)


def test_blur_keeps_the_light_within_the_image() -> None:
    point = np.zeros((1, 29, 29, 1), np.uint8)
    point[0, 10:19, 10:19] = 250
    blurred = corruptions.blur(point, 0.05, np.random.default_rng(0))
    assert blurred.sum() == pytest.approx(point.sum(), rel=0.02)
    assert blurred.max() < 250


def test_brightness_stops_at_white() -> None:
    assert corruptions.brightness(images((4, 4, 1)), 1.0, np.random.default_rng(0)).min() == 255


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 1))
def test_occlusion_covers_one_square_wholly_inside(height: int, width: int, fraction: float) -> None:
    black = np.zeros((3, height, width, 1), np.uint8)
    covered = corruptions.occlusion(black, fraction, np.random.default_rng(0)) == 128
    side = max(1, min(height, width, round(fraction * max(height, width))))
    assert covered.sum(axis=(1, 2, 3)).tolist() == [side * side] * 3


def test_robustness_is_the_accuracy_on_each_corrupted_copy() -> None:
    given_, labels = images((8, 8, 1), 50), np.arange(50) % 2

    def predict(some: np.ndarray) -> np.ndarray:
        bright = some.mean(axis=(1, 2, 3)) > 140
        return np.stack([~bright, bright], axis=1).astype(np.float32)

    table = corruptions.robustness(predict, given_, labels)
    assert len(table) == 35
    row = table[(table["corruption"] == "brightness") & (table["strength"] == 2)].iloc[0]
    changed = corruptions.corrupted(given_, "brightness", 2)
    assert row["accuracy"] == np.mean(predict(changed).argmax(axis=1) == labels)
    assert row["change"] == "16% added"
