"""Figures of calibration, several models in one; the caller saves them."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.figures.curves import MARKERS, style


def reliability(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each model's accuracy against its confidence, bin by bin, and below it how many images a bin has.

    `tables` maps names to tables with `low`, `high`, `confidence`, `accuracy` and `images`, a row a bin.
    """
    figure = Figure(figsize=(5.6, 6.4), dpi=120, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="as right as sure")
    for index, (name, table) in enumerate(tables.items()):
        filled = table[table["images"] > 0]
        look = {"label": name, "linewidth": 1.4, **style(index)}
        marker = MARKERS[index % len(MARKERS)]
        upper.plot(filled["confidence"], filled["accuracy"], marker=marker, markersize=4, **look)
        lower.stairs(table["images"], [*table["low"], table["high"].iloc[-1]], **look)
    upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(-0.02, 1.02))
    upper.legend(frameon=False, loc="upper left")
    lower.set(xlabel="confidence: the probability of the predicted class", ylabel="images", yscale="symlog")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def coverage(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each model's accuracy on the most certain share of the images against that share.

    `tables` maps names to tables with `coverage` and `accuracy`.
    """
    figure = Figure(figsize=(6.4, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    for index, (name, table) in enumerate(tables.items()):
        axes.plot(table["coverage"], table["accuracy"], label=name, linewidth=1.6, **style(index))
    axes.set(xlabel="the most certain share of the images", ylabel="accuracy on them", xlim=(0, 1))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower left")
    return figure
