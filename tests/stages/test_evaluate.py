import numpy as np

from pipeline.config.models import Augmentation
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


def test_of_many_training_images_ten_thousand_are_scored_evenly_spread_and_of_other_splits_all() -> None:
    labels = np.arange(25_000)
    part, empty = (labels[:, None, None, None], labels), (labels[:0, None, None, None], labels[:0])
    scored = evaluate.scored({"train": part, "validation": part, "test": part})
    assert [len(labels) for _, labels in scored.values()] == [10_000, 25_000, 25_000]
    assert set(np.diff(scored["train"][1])) == {2, 3}
    assert np.array_equal(scored["train"][0][:].ravel(), scored["train"][1])
    few = (part[0][:7], labels[:7])
    assert [len(labels) for _, labels in evaluate.scored({"train": few, "validation": empty}).values()] == [7]
