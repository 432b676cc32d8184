import numpy as np

from pipeline.config.schema import Augmentation
from pipeline.stages import evaluate

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)


def test_a_model_without_augmentation_has_none() -> None:
    assert evaluate.augmentations(IMAGE, None, 1) is None


def test_augmentations_are_as_asked_for_and_the_seed_decides() -> None:
    flips = Augmentation(horizontal_flip=True)
    first, again, other = (np.array(evaluate.augmentations(IMAGE, flips, seed)) for seed in (1, 1, 2**31 - 1))
    assert first.shape == (100, 8, 12, 3)
    assert all(any(np.array_equal(image, way) for way in (IMAGE, IMAGE[:, ::-1])) for image in first)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
