"""Figures of a sweep's trials; the caller saves them.

`trials` is a table with `number` and a column for each key and each objective, a row a trial in order.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from pandas.api.types import is_numeric_dtype

from pipeline.figures.curves import COLOURS

COLUMNS = 3
FEW = 5  # values of a key, which are named
LOG_SPAN = 9  # times from a key's least to its greatest value, from where it is drawn by magnitude


def history(trials: pd.DataFrame, ways: Mapping[str, str]) -> Figure:
    """Draw each objective trial by trial, and the best so far; `ways` says which are to `maximize`."""
    figure = Figure(figsize=(9, 3 * len(ways)), dpi=110, layout="constrained")
    for axes, (name, way) in zip(figure.subplots(len(ways), squeeze=False)[:, 0], ways.items(), strict=True):
        complete = trials.dropna(subset=[name])
        so_far = complete[name].cummax() if way == "maximize" else complete[name].cummin()
        axes.plot(complete["number"], complete[name], "o", color=COLOURS[0], markersize=5, label="trial")
        axes.step(complete["number"], so_far, where="post", color=COLOURS[1], label="best so far")
        ended = trials[trials[name].isna()]
        axes.plot(ended["number"], [0.02] * len(ended), "x", color="grey", transform=axes.get_xaxis_transform())
        axes.set(xlabel="trial (a cross: pruned or failed)" if len(ended) else "trial", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure


def front(trials: pd.DataFrame, objectives: Sequence[str], front: Sequence[int]) -> Figure:
    """Draw the first objective against the second, the trials of the front joined and numbered."""
    figure = Figure(figsize=(9, 4.5), dpi=110, layout="constrained")
    axes, (up, along) = figure.subplots(), objectives
    axes.plot(trials[along], trials[up], "o", color=COLOURS[0], alpha=0.4, label="trial")
    best = trials[trials["number"].isin(front)].sort_values(along)
    axes.plot(best[along], best[up], "o-", color=COLOURS[1], label="front")
    for _, row in best.iterrows():
        axes.annotate(str(row["number"]), (row[along], row[up]), (4, 4), textcoords="offset points", fontsize=9)
    _by_magnitude(axes, trials[along])
    axes.set(xlabel=along, ylabel=up)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def importance(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw as bars how much each key accounts for, 0 to 1, by objective."""
    keys = list(next(iter(shares.values())))[::-1]
    figure = Figure(figsize=(9, 1.2 + 0.4 * len(keys) * len(shares)), dpi=110, layout="constrained")
    axes, height = figure.subplots(), 0.8 / len(shares)
    for index, (name, found) in enumerate(shares.items()):
        rows = np.arange(len(keys)) - index * height
        bars = axes.barh(rows, [found.get(key, 0) for key in keys], height * 0.9, color=COLOURS[index], label=name)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set_yticks(np.arange(len(keys)) - 0.4 + height / 2, keys)
    axes.set(xlim=(0, 1.08), xlabel="share of the variance")
    axes.spines[["top", "right"]].set_visible(False)
    if len(shares) > 1:
        figure.legend(frameon=False, loc="outside upper right", ncols=len(shares))
    else:
        axes.set_xlabel(f"share of the variance of {next(iter(shares))}")
    return figure


def slices(trials: pd.DataFrame, keys: Sequence[str], name: str) -> Figure:
    """Draw the objective of this name against each key's values, a panel a key, later trials darker."""
    rows = math.ceil(len(keys) / COLUMNS)
    complete = trials.dropna(subset=[name])
    figure = Figure(figsize=(3.2 * COLUMNS, 2.7 * rows), dpi=110, layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).ravel()
    for axes, key in zip(panels, keys, strict=False):
        _slice(axes, complete, key, name)
    for axes in panels[len(keys) :]:
        axes.axis("off")
    figure.supylabel(name, fontsize=10)
    return figure


def _slice(axes: Axes, complete: pd.DataFrame, key: str, name: str) -> None:
    shown = complete.dropna(subset=[key])
    values, numeric = shown[key], is_numeric_dtype(shown[key].dtype)
    named = pd.Categorical(values.astype(str))
    places = values if numeric else named.codes
    axes.scatter(places, shown[name], c=shown["number"], cmap="Blues", vmin=-len(complete), edgecolors="#0072B2", s=28)
    if numeric:
        _by_magnitude(axes, values)
        if len(some := values.unique()) <= FEW:
            axes.set_xticks(some, [f"{value:g}" for value in some])
            axes.minorticks_off()
    else:
        axes.set_xticks(range(len(named.categories)), named.categories, fontsize=8, parse_math=False)
    axes.set_title(key, fontsize=9)
    axes.grid(alpha=0.3)


def _by_magnitude(axes: Axes, values: pd.Series) -> None:
    if len(values) and values.min() > 0 and values.max() > LOG_SPAN * values.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
