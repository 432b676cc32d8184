"""Evaluations with all tables and lists that the page shows, which add-ons make where they are there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import comparison
from pipeline.evaluation.records import Evaluation, Evaluations
from tests import evaluations as plain


def evaluations(*given: Any, **named: Any) -> Evaluations:
    """Make evaluations as `tests.evaluations` does, with tables."""
    made = plain.evaluations(*given, **named)
    return {
        model: {seed: replace(one, tables=_tables(one, seed)) for seed, one in seeds.items()}
        for model, seeds in made.items()
    }


def listed(made: Evaluations) -> dict[str, pd.DataFrame]:
    """Return the lists of images that the page shows, by title: each training's mistakes, the last ones first."""
    return {
        f"{name}: its mistakes": pd.DataFrame({"image": np.flatnonzero(~one.right)[::-1], "label": 'as "they" <are>'})
        for name, one in comparison.by_training(made).items()
    }


def _tables(one: Evaluation, seed: int) -> dict[str, pd.DataFrame]:
    random, confidence = np.random.default_rng(seed), float(one.test.probabilities.max(axis=1).mean())
    corrupted = [(name, strength, random.random()) for name in ("shift", "noise") for strength in range(1, 6)]
    one_bin = {"confidence": [confidence], "accuracy": [one.right.mean()], "images": [len(one.right)]}
    return {
        "calibration": pd.DataFrame({"calibration error": [0.125], "mean confidence": [confidence]}),
        "reliability": pd.DataFrame(one_bin),
        "coverage": pd.DataFrame({"coverage": [0.5, 1.0], "accuracy": [1.0, one.right.mean()]}),
        "robustness": pd.DataFrame(corrupted, columns=["corruption", "strength", "accuracy"]),
    }
