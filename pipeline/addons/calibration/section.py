"""The report's section on calibration."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.addons.calibration import figure, measuring
from pipeline.base import tables
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Report, Section
from pipeline.evaluation.records import Evaluation

EXPLAINED = """\
The calibration error is the mean gap between confidence, the probability of the predicted class, and accuracy (Guo
2017, 15 bins); its interval is from a bootstrap."""
TEXT = """\
{table}

{explained} Coverage is the share of the images, the most confident first, that a
network answers for.

![Accuracy against confidence](reliability.png)

![Accuracy by coverage](coverage.png)"""


def section(report: Report) -> Section:
    """Tabulate each training's calibration, and draw each model's, over all of its seeds."""
    test = {model: _all_seeds(seeds) for model, seeds in report.evaluations.items()}
    reliability = {model: measuring.reliability(*predicted) for model, predicted in test.items()}
    coverage = {model: measuring.coverage(*predicted) for model, predicted in test.items()}
    files = {"reliability.png": figure.reliability(reliability), "coverage.png": figure.coverage(coverage)}
    rows = {name: _row(one) for name, one in comparison.by_training(report.evaluations).items()}
    table = pd.DataFrame([{"training": name, **row} for name, row in rows.items()])
    cards = {
        model: _markdown(comparison.by_seed({seed: _row(one) for seed, one in seeds.items()})) + f"\n\n{EXPLAINED}"
        for model, seeds in report.evaluations.items()
    }
    text = TEXT.format(table=_markdown(table), explained=EXPLAINED)
    return Section("Calibration", text, files, by_model=cards)


def _row(one: Evaluation) -> dict[str, Any]:
    """Return what `measuring.summary` tabulates of one training."""
    return {str(name): value for name, value in one.tables["calibration"].iloc[0].items()}


def _markdown(table: pd.DataFrame) -> str:
    return tables.as_markdown(comparison.as_text(table))


def _all_seeds(seeds: Mapping[int, Evaluation]) -> tuple[np.ndarray, np.ndarray]:
    """Put the test labels and probabilities of all seeds one after the other."""
    every = [evaluation.test for evaluation in seeds.values()]
    return np.concatenate([part.labels for part in every]), np.concatenate([part.probabilities for part in every])
