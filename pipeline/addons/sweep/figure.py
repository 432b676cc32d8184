"""The picture of an objective: a panel for each thing that it may depend on, a point a trial; the caller saves it."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from pandas.api.types import is_numeric_dtype

from pipeline.figures.curves import COLOURS

CAPTION = (
    "Each objective against the trials in order, with the best so far; against other objectives, with the front joined "
    "and numbered; against each key, with its share of the variance between trials (fANOVA). The darker, the later."
)
COLUMNS = 3
FEW = 5  # values of a key, which are named
LOG_SPAN = 9  # times from a key's least to its greatest value, from where it is drawn by magnitude


def panels(
    trials: pd.DataFrame, objectives: Mapping[str, str], name: str, front: Sequence[int], shares: Mapping[str, float]
) -> Figure:
    """Draw the objective of this name against `trial`, the number, against other objectives, and against each key.

    `trials` has a row a trial in order, `objectives` says which to `maximize`; `front` lists the best trials by number,
    `shares` says what keys account for, 0 to 1.
    """
    columns = [column for column in trials if column != name]
    rows = math.ceil(len(columns) / COLUMNS)
    figure = Figure(figsize=(3.2 * COLUMNS, 2.7 * rows), dpi=110, layout="constrained")
    places = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).ravel()
    for axes, column in zip(places, columns, strict=False):
        shown = trials.dropna(subset=[name, column])
        _scatter(axes, shown, column, name)
        if column == "trial":
            so_far = shown[name].cummax() if objectives[name] == "maximize" else shown[name].cummin()
            axes.step(shown["trial"], so_far, where="post", color=COLOURS[1])
        if column in objectives:
            best = shown[shown["trial"].isin(front)].sort_values(column)
            axes.plot(best[column], best[name], color=COLOURS[1])
            for _, row in best.iterrows():
                axes.annotate(str(row["trial"]), (row[column], row[name]), (4, 4), textcoords="offset points")
        axes.set_title(f"{column}: {shares[column]:.2f}" if column in shares else column, fontsize=9)
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=8)
    for axes in places[len(columns) :]:
        axes.axis("off")
    figure.supylabel(name, fontsize=10)
    return figure


def _scatter(axes: Axes, shown: pd.DataFrame, column: str, name: str) -> None:
    values, numeric = shown[column], is_numeric_dtype(shown[column].dtype)
    named = pd.Categorical(values.astype(str))
    places = values if numeric else named.codes
    axes.scatter(places, shown[name], c=shown["trial"], cmap="Blues", vmin=-len(shown), edgecolors=COLOURS[0], s=28)
    if not numeric:
        axes.set_xticks(range(len(named.categories)), named.categories, parse_math=False)
        return
    if column != "trial" and values.min() > 0 and (span := values.max() / values.min()) > LOG_SPAN:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if span < 100 else (1,), numticks=5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if len(some := values.unique()) <= FEW:
        axes.set_xticks(some, [f"{value:g}" for value in some])
        axes.minorticks_off()
