"""Evaluations with the tables of all add-ons that the page shows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.addons.calibration import measuring
from pipeline.addons.mistakes import section
from pipeline.evaluation.records import Evaluation, Evaluations, Predictions
from tests import evaluations as plain


def evaluations(*given: Any, **named: Any) -> Evaluations:
    """Make evaluations as `tests.evaluations` does, with tables."""
    made = plain.evaluations(*given, **named)
    return {model: {seed: _with_tables(one, seed) for seed, one in seeds.items()} for model, seeds in made.items()}


def listed(made: Evaluations) -> dict[str, pd.DataFrame]:
    """Return the lists of images that the page shows, by title."""
    images = len(next(iter(next(iter(made.values())).values())).right)
    return dict(section.section(plain.report(made, Path(), plain.pictures(images))).lists)


def _with_tables(one: Evaluation, seed: int) -> Evaluation:
    random = np.random.default_rng(seed)
    tables = {"robustness": _robustness(random), "embedding": _embedding(random, len(one.right))}
    return replace(one, tables=tables | _calibration(one.test))


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
