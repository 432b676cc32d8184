import numpy as np
import pandas as pd
import pytest

from pipeline.config.models import Augmentation
from pipeline.evaluation.records import Evaluation, Predictions
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


@pytest.mark.parametrize(("last", "warned"), [(0.85, False), (0.95, True)])
def test_a_network_far_worse_than_its_last_epoch_is_told(
    last: float, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.zeros(10, int)
    right = np.eye(2, dtype=np.float32)[[0] * 8 + [1] * 2]
    history = pd.DataFrame({"epoch": [1.0, 2.0], "train_accuracy": [0.1, last]})
    splits = dict.fromkeys(("train", "test"), Predictions(labels, right))
    evaluate.warn_of_gap("vgg-42", Evaluation(["a", "b"], 1, 1, history, splits))
    said = f"warning: vgg-42 is right about 0.80 of its training images, where its last epoch had {last}"
    assert (said in capsys.readouterr().err) == warned


def test_of_many_training_images_ten_thousand_are_scored_evenly_spread_and_of_other_splits_all() -> None:
    labels = np.arange(25_000)
    part, empty = (labels[:, None, None, None], labels), (labels[:0, None, None, None], labels[:0])
    scored = evaluate.scored({"train": part, "validation": part, "test": part})
    assert [len(labels) for _, labels in scored.values()] == [10_000, 25_000, 25_000]
    assert set(np.diff(scored["train"][1])) == {2, 3}
    assert np.array_equal(scored["train"][0][:].ravel(), scored["train"][1])
    few = (part[0][:7], labels[:7])
    assert [len(labels) for _, labels in evaluate.scored({"train": few, "validation": empty}).values()] == [7]


def test_seconds_of_an_image_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("pipeline.network.training.predict", lambda model, images: asked.append(len(images)))
    assert 0 < evaluate.seconds_per_image(None, np.zeros((2000, 1, 1, 1), np.uint8)) < 1e-3
    assert asked == [1000]
