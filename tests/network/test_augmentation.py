import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.models import Augmentation, Erasing
from pipeline.network import augmentation

E3 = Augmentation(
    rotation_range=10,
    zoom_range=0.1,
    shear_range=0.5,
    width_shift_range=0.1,
    height_shift_range=0.1,
    horizontal_flip=True,
)
OWN = Augmentation(
    shift_pixels=2,
    horizontal_flip="alternating",
    contrast=0.3,
    brightness=0.2,
    erasing=Erasing(height=8, width=8, probability=0.5),
)
STRONG = Augmentation(
    rotation_range=90,
    zoom_range=0.5,
    shear_range=45,
    width_shift_range=0.4,
    height_shift_range=0.4,
    horizontal_flip=True,
)


def pictures(count: int, side: int = 28, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)


@pytest.mark.parametrize("params", [E3, STRONG], ids=["E3", "strong"])
@pytest.mark.parametrize("channels", [1, 3])
def test_transform_is_image_data_generators_for_the_same_parameters(params: Augmentation, channels: int) -> None:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    images = pictures(100, channels=channels)
    drawn = augmentation.draw(100, 28, 28, params, [1, 2])
    ours = augmentation.transform(images, drawn).numpy()
    generator = ImageDataGenerator(fill_mode="nearest")
    for index, image in enumerate(images):
        parameters = {name: float(values[index]) for name, values in drawn.items()}
        parameters["flip_horizontal"] = parameters["flip_horizontal"] < 0
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)  # Keras calls SciPy by an old name
            theirs = generator.apply_transform(image.astype(np.float64), parameters)
        np.testing.assert_allclose(ours[index], theirs, atol=0.05)  # of 255 levels


def test_parameters_fill_their_ranges_and_no_more() -> None:
    drawn = {name: values.numpy() for name, values in augmentation.draw(20_000, 28, 40, STRONG, [3, 4]).items()}
    for name, low, high in (
        ("theta", -90, 90),
        ("shear", -45, 45),
        ("tx", -16, 16),
        ("ty", -11.2, 11.2),
        ("zx", 0.5, 1.5),
        ("zy", 0.5, 1.5),
    ):
        span = high - low
        assert low <= drawn[name].min() < low + 0.001 * span, name
        assert high - 0.001 * span < drawn[name].max() <= high, name
        assert drawn[name].mean() == pytest.approx((low + high) / 2, abs=0.02 * span), name
    assert np.mean(drawn["flip_horizontal"] < 0) == pytest.approx(0.5, abs=0.02)
    pairs = np.corrcoef(np.stack(list(drawn.values())))
    assert np.abs(pairs - np.eye(7)).max() < 0.03


def test_nothing_asked_changes_nothing() -> None:
    images = pictures(20)
    assert np.array_equal(augmentation.augment(images, Augmentation(), [5, 6]).numpy(), images)


def test_flip_alone_mirrors_pixels_exactly() -> None:
    images = pictures(50)
    changed = augmentation.augment(images, Augmentation(horizontal_flip=True), [7, 8]).numpy()
    mirrored = [np.array_equal(after, before[:, ::-1]) for before, after in zip(images, changed, strict=True)]
    kept = [np.array_equal(after, before) for before, after in zip(images, changed, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 10 < sum(mirrored) < 40


def test_contrast_and_brightness_are_those_of_keras_layers_drawn_evenly() -> None:
    images = np.random.default_rng(0).integers(64, 192, (3_000, 5, 7, 3), np.uint8)  # nothing reaches 0 or 255
    changed = augmentation.augment(images, Augmentation(contrast=0.3, brightness=0.1), [1, 2]).numpy()
    means = images.mean((1, 2), keepdims=True)
    factors = ((changed - means) * (images - means)).sum((1, 2, 3), keepdims=True)
    factors /= ((images - means) ** 2).sum((1, 2, 3), keepdims=True)
    added = (changed - means).mean((1, 2, 3), keepdims=True)
    with_contrast = keras.layers.RandomContrast(0.3).transform_images(
        images.astype(np.float32), {"contrast_factor": factors.astype(np.float32)}
    )
    theirs = keras.layers.RandomBrightness(0.1).transform_images(with_contrast, {"rgb_delta": added})
    np.testing.assert_allclose(changed, theirs, atol=1)
    for drawn, low, high in ((factors, 0.7, 1.3), (added / 255, -0.1, 0.1)):
        shares = np.histogram(drawn, 10, (low, high))[0] / len(images)
        assert shares.sum() > 0.98  # both are read off rounded levels
        assert shares == pytest.approx([0.1] * 10, abs=0.02)
    assert abs(np.corrcoef(factors.ravel(), added.ravel())[0, 1]) < 0.05


def test_too_bright_and_too_dark_stay_white_and_black() -> None:
    images = np.full((2_000, 2, 2, 1), 200, np.uint8)
    changed = augmentation.augment(images, Augmentation(brightness=0.9), [1, 2]).numpy()
    assert np.mean(changed == 255) == pytest.approx((1 - 55 / 255 / 0.9) / 2, abs=0.03)
    assert np.mean(changed == 0) == pytest.approx((1 - 200 / 255 / 0.9) / 2, abs=0.03)


def test_shift_moves_by_whole_pixels_every_way_as_often() -> None:
    images = pictures(5_000, side=6)
    moved = augmentation.augment(images, Augmentation(shift_pixels=1), [1, 2]).numpy()
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    ways = [(down, right) for down in range(3) for right in range(3)]
    same = [(moved == padded[:, down : down + 6, right : right + 6]).all((1, 2, 3)) for down, right in ways]
    assert np.all(np.sum(same, axis=0) == 1)
    assert np.mean(same, axis=1) == pytest.approx([1 / 9] * 9, abs=0.02)


def test_erasing_makes_one_rectangle_inside_black() -> None:
    images = np.full((4_000, 7, 9, 3), 200, np.uint8)
    erasing = Erasing(height=4, width=3, probability=0.75)
    erased = augmentation.augment(images, Augmentation(erasing=erasing), [1, 2]).numpy() == 0
    changed = erased.any((1, 2, 3))
    assert changed.mean() == pytest.approx(0.75, abs=0.03)
    assert (erased[changed].sum((1, 2, 3)) == 4 * 3 * 3).all()
    rows, columns = erased[changed].any((2, 3)), erased[changed].any((1, 3))
    assert set(rows.sum(1)) == {4}
    assert set(columns.sum(1)) == {3}
    assert np.bincount(rows.argmax(1)) / changed.sum() == pytest.approx([1 / 4] * 4, abs=0.03)
    assert np.bincount(columns.argmax(1)) / changed.sum() == pytest.approx([1 / 7] * 7, abs=0.03)


def test_erasing_with_noise_fills_the_same_rectangles_with_every_level() -> None:
    def erased(fill: str, seed: list[int]) -> np.ndarray:
        erasing = Erasing.model_validate({"height": 4, "width": 3, "probability": 0.75, "fill": fill})
        changed: np.ndarray = augmentation.augment(images, Augmentation(erasing=erasing), seed).numpy()
        return changed

    images = np.full((20_000, 7, 9, 3), 200, np.uint8)
    black, noise = erased("black", [1, 2]), erased("noise", [1, 2])
    assert np.array_equal(noise, erased("noise", [1, 2]))
    assert (noise[black == 200] == 200).all()
    levels = noise[black == 0].reshape(-1, 4 * 3 * 3)
    assert np.bincount(levels.ravel()) / levels.size == pytest.approx([1 / 256] * 256, rel=0.1)
    assert np.corrcoef(levels.T) == pytest.approx(np.eye(36), abs=0.05)  # each value its own


def test_alternating_flip_mirrors_those_it_is_told_to() -> None:
    images, told = pictures(50), np.random.default_rng(3).random(50) < 0.5
    changed = augmentation.augment(images, Augmentation(horizontal_flip="alternating"), [7, 8], told).numpy()
    assert np.array_equal(changed, np.where(told[:, None, None, None], images[:, :, ::-1], images))


def test_height_shift_moves_rows_of_an_oblong_picture() -> None:
    images = np.random.default_rng(1).integers(0, 256, (1, 6, 10, 1), np.uint8)
    parameters = {name: tf.zeros(1) for name in ("theta", "shear", "tx")}
    parameters |= {name: tf.ones(1) for name in ("ty", "zx", "zy", "flip_horizontal")}
    moved = augmentation.transform(images, parameters).numpy()
    assert np.array_equal(moved[:, :-1], images[:, 1:])
    assert np.array_equal(moved[:, -1], images[:, -1])


@pytest.mark.parametrize("params", [E3, OWN], ids=["E3", "our own"])
def test_same_in_a_parallel_dataset_as_alone(params: Augmentation) -> None:
    images = pictures(64)
    alone = [augmentation.augment(images[i : i + 8], params, [9, i]).numpy() for i in range(0, 64, 8)]
    dataset = tf.data.Dataset.range(0, 64, 8, output_type=tf.int32).map(
        lambda i: augmentation.augment(
            tf.ensure_shape(tf.constant(images)[i : i + 8], (None, 28, 28, 1)), params, [9, i]
        ),
        num_parallel_calls=4,
    )
    for ours, theirs in zip(alone, dataset.as_numpy_iterator(), strict=True):
        assert np.array_equal(ours, theirs)
