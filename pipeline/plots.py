"""Pictures of images and of what a model gets right; the caller saves them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.curves import COLOURS


def samples(images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], per_class: int = 12) -> Figure:
    """Show the first images of each class, a labelled row each; at most 20 classes. Images are uint8."""
    shown = class_names[:20]
    height, width, channels = images.shape[1:]
    mosaic = np.full((len(shown), height + 2, per_class, width + 2, channels), 255, np.uint8)
    for row in range(len(shown)):
        chosen = images[labels == row][:per_class]
        pixels = chosen if channels == 3 else 255 - chosen  # grey ones dark on white, as on paper
        mosaic[row, 1:-1, : len(chosen), 1:-1] = pixels.swapaxes(0, 1)
    margin = 0.3 + 0.085 * max(map(len, shown))  # inches, for the names
    figure = Figure(figsize=(0.55 * per_class + margin, 0.55 * len(shown) * height / width), dpi=100)
    axes = figure.add_axes((margin / figure.get_figwidth(), 0.0, 1 - margin / figure.get_figwidth(), 1.0))
    axes.imshow(
        mosaic.reshape(len(shown) * (height + 2), per_class * (width + 2), channels), cmap="gray", aspect="auto"
    )
    axes.set_yticks((np.arange(len(shown)) + 0.5) * (height + 2), shown)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def compare_recall(recalls: Mapping[str, Sequence[float] | np.ndarray], class_names: Sequence[str]) -> Figure:
    """Draw every model's recall of each class, a row of points for each class."""
    figure = Figure(figsize=(9, 0.38 * len(class_names) + 1.2), dpi=120, layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(class_names))
    for index, (name, recall) in enumerate(recalls.items()):
        apart = 0.5 * ((index + 0.5) / len(recalls) - 0.5)  # so that equal values do not hide each other
        axes.plot(recall, rows + apart, "os^Dv<>"[index % 7], color=COLOURS[index % len(COLOURS)], label=name)
    axes.set_yticks(rows, class_names)
    axes.invert_yaxis()
    axes.set_xlabel("recall on the test split")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def confusion(counts: np.ndarray, normalised: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix twice: as counts, and as percentages of each true class."""
    side = max(4.0, 0.5 * len(class_names) + 1.6)
    figure = Figure(figsize=(2 * side + 0.6, side + 0.4), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    _matrix(left, counts, normalised, class_names, "images", "{:.0f}")
    _matrix(right, 100 * normalised, normalised, class_names, "% of the true class", "{:.1f}")
    return figure


def compare_confusions(normalised: Mapping[str, np.ndarray], class_names: Sequence[str]) -> Figure:
    """Draw every model's row-normalised confusion matrix side by side, at most three to a row."""
    columns = min(3, len(normalised))
    rows = -(-len(normalised) // columns)
    side = max(4.0, 0.42 * len(class_names) + 1.5)
    figure = Figure(figsize=(columns * side, rows * (side + 0.5)), dpi=110, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, matrix) in zip(grid, normalised.items(), strict=False):
        _matrix(axes, 100 * matrix, matrix, class_names, f"{name}, % of the true class", "{:.0f}")
    for axes in grid[len(normalised) :]:
        axes.axis("off")
    return figure


def _matrix(
    axes: Axes, values: np.ndarray, shade: np.ndarray, class_names: Sequence[str], title: str, form: str
) -> None:
    """Draw a matrix; shades follow the square root, so that a class confused in 5 % of cases can be seen."""
    axes.imshow(np.sqrt(shade), cmap="Blues", vmin=0, vmax=1)
    ticks = np.arange(len(class_names))
    axes.set_xticks(ticks, class_names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(ticks, class_names, fontsize=8)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=10)
    if len(class_names) <= 20:
        for row, column in np.ndindex(values.shape):
            colour = "white" if shade[row, column] > 0.35 else "black"
            text = form.format(values[row, column]) if values[row, column] else "·"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
