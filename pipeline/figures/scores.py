"""Figures of how well a model does; the caller saves them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.class_names import legible
from pipeline.figures.curves import COLOURS, MARKERS

NUMBERED = 20  # classes, at most, for numbers in a matrix's cells
NAMED = 30  # classes, at most, for a name at each row


def accuracies(by_split: Mapping[str, float]) -> Figure:
    """Draw the accuracy on each split, from 0 to 1, as bars side by side, with the values on them."""
    figure = Figure(figsize=(1.3 * len(by_split) + 1.2, 3.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    bars = axes.bar(list(by_split), list(by_split.values()), width=0.6, color=COLOURS[: len(by_split)])
    axes.bar_label(bars, [f"{value:.4f}" for value in by_split.values()], padding=2)
    axes.set(ylim=(0, 1.1), ylabel="accuracy", yticks=np.linspace(0, 1, 6), axisbelow=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    return figure


def compare_recall(recalls: Mapping[str, Sequence[float] | np.ndarray], class_names: Sequence[str]) -> Figure:
    """Draw every model's recall of each class, a row of points for each class.

    Of more than 30 classes it shows the 30 of the lowest recall, the mean over the models, the lowest first.
    """
    table, names, shown = np.array(list(recalls.values())), legible(class_names), np.arange(len(class_names))
    if len(shown) > NAMED:
        shown = np.argsort(table.mean(axis=0), kind="stable")[:NAMED]
    figure = Figure(figsize=(9, 0.38 * len(shown) + 1.2), dpi=120, layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(shown))
    for index, (name, recall) in enumerate(zip(recalls, table, strict=True)):
        apart = 0.5 * ((index + 0.5) / len(recalls) - 0.5)  # so that equal values do not hide each other
        marker, colour = MARKERS[index % len(MARKERS)], COLOURS[index % len(COLOURS)]
        axes.plot(recall[shown], rows + apart, marker, color=colour, label=name)
    axes.set_yticks(rows, [names[index] for index in shown], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("recall on the test split")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    if len(shown) < len(class_names):
        axes.set_title(f"the {NAMED} of {len(class_names)} classes with the lowest mean recall", fontsize=10)
    return figure


def confusion(counts: np.ndarray, normalised: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix twice: as counts, and as percentages of each true class.

    Of more than 20 classes it is drawn once, without numbers, beside the 20 confusions of the most images.
    """
    side = _side(len(class_names), 0.5, 1.6)
    figure = Figure(figsize=(2 * side + 0.6, side + 0.4), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    if len(class_names) > NUMBERED:
        _matrix(left, normalised, normalised, class_names, "share of the true class", "")
        _most_frequent(right, counts, normalised, class_names)
        return figure
    _matrix(left, counts, normalised, class_names, "images", "{:.0f}")
    _matrix(right, 100 * normalised, normalised, class_names, "% of the true class", "{:.1f}")
    return figure


def compare_confusions(normalised: Mapping[str, np.ndarray], class_names: Sequence[str]) -> Figure:
    """Draw every model's row-normalised confusion matrix side by side, at most three to a row."""
    columns = min(3, len(normalised))
    rows = -(-len(normalised) // columns)
    side = _side(len(class_names), 0.42, 1.5)
    figure = Figure(figsize=(columns * side, rows * (side + 0.5)), dpi=110, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, matrix) in zip(grid, normalised.items(), strict=False):
        _matrix(axes, 100 * matrix, matrix, class_names, f"{name}, % of the true class", "{:.0f}")
    for axes in grid[len(normalised) :]:
        axes.axis("off")
    return figure


def _side(classes: int, each: float, margin: float) -> float:
    """Return a matrix's side in inches: room for a number in each cell, else for a name at each row, else the same."""
    return max(4.0, (each if classes <= NUMBERED else 0.2) * min(classes, NAMED) + margin)


def _matrix(
    axes: Axes, values: np.ndarray, shade: np.ndarray, class_names: Sequence[str], title: str, form: str
) -> None:
    """Draw a matrix; shades follow the square root, so that a class confused in 5 % of cases can be seen."""
    axes.imshow(np.sqrt(shade), cmap="Blues", vmin=0, vmax=1)
    named = len(class_names) <= NAMED
    ticks, names = (np.arange(len(class_names)), legible(class_names)) if named else (np.array([]), [])
    axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8, parse_math=False)
    axes.set_yticks(ticks, names, fontsize=8, parse_math=False)
    axes.set_xlabel("predicted" if named else f"predicted, {len(class_names)} classes in order")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=10)
    if len(class_names) <= NUMBERED:
        for row, column in np.ndindex(values.shape):
            colour = "white" if shade[row, column] > 0.35 else "black"
            text = form.format(values[row, column]) if values[row, column] else "·"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)


def _most_frequent(axes: Axes, counts: np.ndarray, normalised: np.ndarray, class_names: Sequence[str]) -> None:
    """Draw the 20 cells beside the diagonal that have the most images as bars."""
    wrong = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    order = np.argsort(-wrong, axis=None, kind="stable")[:20]
    pairs = [pair for pair in zip(*np.unravel_index(order, wrong.shape), strict=True) if wrong[pair]]
    names, rows = legible(class_names), np.arange(len(pairs))
    bars = axes.barh(rows, [wrong[pair] for pair in pairs], color=COLOURS[0])
    labels = [f"{wrong[pair]:.0f} ({100 * normalised[pair]:.1f} %)" for pair in pairs]
    axes.bar_label(bars, labels, padding=2, fontsize=8)
    axes.set_yticks(rows, [f"{names[i]} as {names[j]}" for i, j in pairs], fontsize=8, parse_math=False)
    axes.set_ylim(19.6, -0.6)
    axes.set_xlim(0, 1.25 * max(1, wrong.max()))
    axes.set_xlabel("images, and % of the true class")
    axes.set_title("the most frequent confusions: true class as predicted class", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
