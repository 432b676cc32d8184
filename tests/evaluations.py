"""Evaluations of as many classes and images as a test wants."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config import loading
from pipeline.evaluation.extending import Report
from pipeline.evaluation.records import SPLITS, Evaluation, Evaluations, Predictions
from tests.conftest import ROOT

PARAMS = loading.load(ROOT / "recipes" / "demo.yaml")  # for the dataset's name, and the table of settings


def evaluations(
    class_names: list[str],
    models: tuple[str, ...] = ("small", "large"),
    images: int = 120,
    seeds: tuple[int, ...] = (42,),
) -> Evaluations:
    """Make evaluations of models that are right about four of five images, each about others and less sure."""
    return {
        model: {seed: _evaluation(class_names, images, [index, seed]) for seed in seeds}
        for index, model in enumerate(models)
    }


def pictures(images: int = 120, shape: tuple[int, int, int] = (28, 28, 1)) -> np.ndarray:
    """Make images of one brightness each, so that a test can tell them apart."""
    levels = np.arange(images) % 251
    return np.broadcast_to(levels[:, None, None, None], (images, *shape)).astype(np.uint8)


def report(made: Evaluations, folder: Path, images: np.ndarray) -> Report:
    """Return what add-ons make sections of: the same `images` in every split."""
    first = next(iter(next(iter(made.values())).values()))
    return Report(
        params=PARAMS,
        dataset={},
        evaluations=made,
        images=dict.fromkeys(SPLITS, images),
        labels={split: part.labels for split, part in first.splits.items()},
        names={},
        data=folder,
        reports=folder,
    )


def _evaluation(class_names: list[str], images: int, seed: list[int]) -> Evaluation:
    random, classes = np.random.default_rng(seed), len(class_names)
    labels = np.arange(images) % classes
    said = np.where(random.random(images) < 0.8, labels, random.integers(0, classes, images))
    doubt = 0.1 * (1 + seed[0])
    probabilities = (np.eye(classes)[said] + doubt / classes) / (1 + doubt)
    history = pd.DataFrame({"epoch": [1.0, 2.0], "train_accuracy": [0.5, 0.8], "validation_accuracy": [0.6, 0.7]})
    predictions = Predictions(labels, probabilities.astype(np.float32))
    splits = {"validation": predictions, "test": predictions}
    return Evaluation(
        class_names,
        1000,
        4000,
        history,
        splits,
    )
