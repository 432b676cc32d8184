"""Confusion matrices, by scikit-learn; the caller saves them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from pipeline.figures.class_names import legible

LEGIBLE = 20  # classes, at most, for a name at each row and a number in each cell


def confusion(counts: np.ndarray, normalised: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix twice: as counts, and as percentages of each true class."""
    side = _side(class_names, 0.5)
    figure = Figure(figsize=(2 * side + 0.6, side + 0.4), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    _matrix(left, counts, class_names, "images", ".0f")
    _matrix(right, 100 * normalised, class_names, "% of the true class", ".1f")
    return figure


def compare_confusions(normalised: Mapping[str, np.ndarray], class_names: Sequence[str]) -> Figure:
    """Draw every model's row-normalised confusion matrix side by side, at most three to a row."""
    columns = min(3, len(normalised))
    rows = -(-len(normalised) // columns)
    side = _side(class_names, 0.42)
    figure = Figure(figsize=(columns * side, rows * (side + 0.5)), dpi=110, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, matrix) in zip(grid, normalised.items(), strict=False):
        _matrix(axes, 100 * matrix, class_names, f"{name}, % of the true class", ".0f")
    for axes in grid[len(normalised) :]:
        axes.axis("off")
    return figure


def _side(class_names: Sequence[str], each: float) -> float:
    """Return a matrix's side in inches, with room for `each` cell where its number is shown."""
    return max(4.0, each * len(class_names) + 1.5) if len(class_names) <= LEGIBLE else 8.0


def _matrix(axes: Axes, values: np.ndarray, class_names: Sequence[str], title: str, form: str) -> None:
    """Draw a matrix; shades follow the square root, so that a class confused in 5 % of cases can be seen."""
    few = len(class_names) <= LEGIBLE
    display = ConfusionMatrixDisplay(values)
    shades = {"norm": PowerNorm(0.5, vmin=0)}
    words = {"fontsize": 7}
    display.plot(
        ax=axes, cmap="Blues", colorbar=False, include_values=few, values_format=form, im_kw=shades, text_kw=words
    )
    ticks, names = (range(len(class_names)), legible(class_names)) if few else ([], [])
    axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8, parse_math=False)
    axes.set_yticks(ticks, names, fontsize=8, parse_math=False)
    axes.set(xlabel="predicted" if few else f"predicted, {len(class_names)} classes in order", ylabel="true")
    axes.set_title(title, fontsize=10)
