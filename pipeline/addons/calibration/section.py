"""The report's section on calibration."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.addons.calibration import evaluator
from pipeline.base import tables
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Report, ReportSection
from pipeline.evaluation.records import Evaluation
from pipeline.figures.curves import MARKERS, style

EXPLAINED = """\
The calibration error is the mean gap between confidence, the probability of the predicted class, and accuracy (Guo
2017, 15 bins)."""
TEXT = """\
{table}

{explained} Coverage is the share of the images, the most confident first, that a
network answers for.

![Accuracy against confidence](reliability.png)

![Accuracy by coverage](coverage.png)"""


def section(report: Report) -> ReportSection:
    """Tabulate each training's calibration, and draw each model's, over all of its seeds."""
    test = {model: _all_seeds(seeds) for model, seeds in report.evaluations.items()}
    files = {
        "reliability.png": draw_reliability({model: evaluator.reliability(*seeds) for model, seeds in test.items()}),
        "coverage.png": draw_coverage({model: evaluator.coverage(*seeds) for model, seeds in test.items()}),
    }
    measured = {name: one.tables["calibration"] for name, one in comparison.by_training(report.evaluations).items()}
    table = pd.concat(measured, names=["training"]).reset_index("training")
    cards = {
        model: comparison.by_seed({seed: dict(one.tables["calibration"].iloc[0]) for seed, one in seeds.items()})
        for model, seeds in report.evaluations.items()
    }
    by_model = {model: f"{tables.as_markdown(card)}\n\n{EXPLAINED}" for model, card in cards.items()}
    return ReportSection(
        "Calibration", TEXT.format(table=tables.as_markdown(table), explained=EXPLAINED), files, by_model=by_model
    )


def draw_reliability(by_model: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each model's accuracy against its confidence, bin by bin, and below it how many images a bin has.

    The tables are those of `evaluator.reliability`.
    """
    figure = Figure(figsize=(5.6, 6.4), dpi=120, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="as right as sure")
    for number, (model, table) in enumerate(by_model.items()):
        filled = table[table["images"] > 0]
        look = {"label": model, "linewidth": 1.4, **style(number)}
        marker = MARKERS[number % len(MARKERS)]
        upper.plot(filled["confidence"], filled["accuracy"], marker=marker, markersize=4, **look)
        lower.stairs(table["images"], [*table["low"], table["high"].iloc[-1]], **look)
    upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(-0.02, 1.02))
    upper.legend(frameon=False, loc="upper left")
    lower.set(xlabel="confidence: the probability of the predicted class", ylabel="images", yscale="symlog")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_coverage(by_model: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each model's accuracy on the most certain share of the images against that share."""
    figure = Figure(figsize=(6.4, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    for number, (model, table) in enumerate(by_model.items()):
        axes.plot(table["coverage"], table["accuracy"], label=model, linewidth=1.6, **style(number))
    axes.set(xlabel="the most certain share of the images", ylabel="accuracy on them", xlim=(0, 1))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower left")
    return figure


def _all_seeds(seeds: Mapping[int, Evaluation]) -> tuple[np.ndarray, np.ndarray]:
    """Put the test labels and probabilities of all seeds one after the other."""
    every = [evaluation.test for evaluation in seeds.values()]
    return np.concatenate([part.labels for part in every]), np.concatenate([part.probabilities for part in every])
