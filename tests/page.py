"""Evaluations for tests of the page: of as many classes and images as a test wants."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.addons.calibration import measuring
from pipeline.addons.mistakes import section
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


def listed(made: Evaluations) -> dict[str, pd.DataFrame]:
    """Return the lists of images that the page shows, by title."""
    return dict(
        section.section(report(made, Path(), pictures(len(next(iter(next(iter(made.values())).values())).right)))).lists
    )


def report(made: Evaluations, folder: Path, images: np.ndarray, labels: np.ndarray | None = None) -> Report:
    """Return what add-ons make sections of: the same `images` in every split, those of the training part labelled."""
    first = next(iter(next(iter(made.values())).values()))
    split_labels = {split: part.labels for split, part in first.splits.items()}
    return Report(
        params=PARAMS,
        dataset={},
        evaluations=made,
        images=dict.fromkeys(SPLITS, images),
        labels=split_labels | ({} if labels is None else {"train": labels}),
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
        tables={
            "robustness": _robustness(random),
            "embedding": _embedding(random, images),
            **_calibration(predictions),
        },
    )


def _calibration(test: Predictions) -> dict[str, pd.DataFrame]:
    bins = measuring.reliability(test.labels, test.probabilities)
    return {
        "calibration": measuring.summary(test.labels, test.probabilities),
        "reliability": bins[bins["images"] > 0],
        "coverage": measuring.coverage(test.labels, test.probabilities),
    }


def _robustness(random: np.random.Generator) -> pd.DataFrame:
    rows = [(name, strength, "", random.random()) for name in ("shift", "noise") for strength in range(1, 6)]
    return pd.DataFrame(rows, columns=["corruption", "strength", "change", "accuracy"])


def _embedding(random: np.random.Generator, images: int) -> pd.DataFrame:
    x, y = random.random((2, images)).round(3)
    return pd.DataFrame({"image": np.arange(images), "x": x, "y": y})
