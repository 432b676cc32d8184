"""Learning curves, and the styles of lines; the caller saves them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito's
DASHES = ("-", "--", "-.", ":")
MARKERS = "os^Dv<>"


def style(number: int) -> dict[str, Any]:
    """Return the colour and the dash of a figure's line, by its number from 0."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}


def learning_curves(history: pd.DataFrame) -> Figure:
    """Draw loss and accuracy over epochs, training against validation where there is one."""
    return _drawn({split: (history, split) for split in ("train", "validation") if f"{split}_loss" in history}, "")


def compare_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw every model's validation loss and accuracy over epochs, training's where none was held out."""
    split = "validation" if all("validation_loss" in history for history in histories.values()) else "train"
    return _drawn({name: (history, split) for name, history in histories.items()}, f"{split} ")


def _drawn(lines: Mapping[str, tuple[pd.DataFrame, str]], which: str) -> Figure:
    """Draw loss and accuracy, a line for each history and split."""
    figure = Figure(figsize=(9, 3.4), dpi=120, layout="constrained")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for number, (name, (history, split)) in enumerate(lines.items()):
            look = {"label": name, "marker": "o", "markersize": 3, "linewidth": 1.6, **style(number)}
            axes.plot(history["epoch"], history[f"{split}_{quantity}"], **look)
        axes.set(xlabel="epoch", ylabel=f"{which}{quantity}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure
