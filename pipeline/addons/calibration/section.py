"""The report's section on calibration."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.addons.calibration import figure, measuring
from pipeline.base import tables
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Report, Section
from pipeline.evaluation.records import Evaluation

TEXT = """\
{table}

The calibration error is the mean gap between confidence, the probability of the predicted class, and accuracy (Guo
2017, 15 bins); its interval is from a bootstrap. Coverage is the share of the images, the most confident first, that a
network answers for.

![Accuracy against confidence](reliability.png)

![Accuracy by coverage](coverage.png)"""


def section(report: Report) -> Section:
    """Tabulate each training's calibration, and draw each model's, over all of its seeds."""
    test = {model: _all_seeds(seeds) for model, seeds in report.evaluations.items()}
    reliability = {model: measuring.reliability(*predicted) for model, predicted in test.items()}
    coverage = {model: measuring.coverage(*predicted) for model, predicted in test.items()}
    files = {"reliability.png": figure.reliability(reliability), "coverage.png": figure.coverage(coverage)}
    by_training = {name: one.tables["calibration"] for name, one in comparison.by_training(report.evaluations).items()}
    return Section(
        "Calibration",
        TEXT.format(table=_markdown("training", by_training)),
        files,
        by_model={
            model: _markdown("seed", {str(seed): one.tables["calibration"] for seed, one in seeds.items()})
            for model, seeds in report.evaluations.items()
        },
    )


def _markdown(name: str, rows: Mapping[str, pd.DataFrame]) -> str:
    table = pd.concat(rows, names=[name]).reset_index(name).reset_index(drop=True)
    return tables.as_markdown(comparison.as_text(table))


def _all_seeds(seeds: Mapping[int, Evaluation]) -> tuple[np.ndarray, np.ndarray]:
    """Put the test labels and probabilities of all seeds one after the other."""
    every = [evaluation.test for evaluation in seeds.values()]
    return np.concatenate([part.labels for part in every]), np.concatenate([part.probabilities for part in every])
