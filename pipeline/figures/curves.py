"""Learning curves; the caller saves them."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito's
DASHES = ("-", "--", "-.", ":")


def learning_curves(history: pd.DataFrame) -> Figure:
    """Draw loss and accuracy over epochs, training against validation where there is one."""
    figure = Figure(figsize=(9, 3.4), dpi=120, layout="constrained")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, colour, dash in zip(("train", "validation"), COLOURS, DASHES, strict=False):
            if f"{split}_{quantity}" in history:
                _line(axes, history["epoch"], history[f"{split}_{quantity}"], split, colour, dash)
        _finish(axes, quantity)
    return figure


def compare_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw every model's validation loss and accuracy over epochs, training's where none was held out."""
    figure = Figure(figsize=(9, 3.4), dpi=120, layout="constrained")
    split = "validation" if all("validation_loss" in history for history in histories.values()) else "train"
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for index, (name, history) in enumerate(histories.items()):
            style = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
            _line(axes, history["epoch"], history[f"{split}_{quantity}"], name, *style)
        _finish(axes, f"{split} {quantity}")
    return figure


def _line(axes: Axes, epochs: pd.Series, values: pd.Series, label: str, colour: str, dash: str) -> None:
    axes.plot(epochs, values, dash, color=colour, label=label, marker="o", markersize=3, linewidth=1.6)


def _finish(axes: Axes, quantity: str) -> None:
    axes.set_xlabel("epoch")
    axes.set_ylabel(quantity)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
