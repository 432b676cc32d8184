"""Figures of robustness; the caller saves them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures import sheets
from pipeline.figures.curves import style

COLUMNS = 4
MEAN = "mean of all"


def compare(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each model's accuracy against the strength of each corruption, a panel a corruption, and their mean.

    `tables` maps names to tables with `corruption`, `strength` and `accuracy`, a row for each two.
    """
    by_strength = {name: _with_mean(table) for name, table in tables.items()}
    panels = list(next(iter(by_strength.values())))
    rows = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 2.5 * rows), dpi=110, layout="constrained")
    grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        for index, (name, table) in enumerate(by_strength.items()):
            axes.plot(table.index, table[panel], marker="o", markersize=3, label=name, **style(index))
        axes.set_title(panel, fontsize=10)
        axes.set(ylim=(0, 1.02), xticks=[1, 2, 3, 4, 5])
        axes.grid(alpha=0.3)
    for axes in grid[len(panels) :]:
        axes.axis("off")
    figure.supxlabel("strength", fontsize=10)
    figure.supylabel("accuracy", fontsize=10)
    grid[len(panels) - 1].legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def _with_mean(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a strength and a column a corruption, the mean the last."""
    pivoted = table.pivot_table("accuracy", "strength", "corruption", sort=False)
    return pivoted.assign(**{MEAN: pivoted.mean(axis=1)})


def corruptions(images: np.ndarray, captions: Sequence[Sequence[str]]) -> Figure:
    """Show one image corrupted in many ways, five to a row."""
    title = ["A test image, corrupted in every way that robustness is measured by"]
    return sheets.captioned(title, images, captions)
