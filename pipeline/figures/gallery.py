"""Pictures of images; the caller saves them. Images are uint8 of (n, height, width, channels), one channel or three."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.data.arrays import Array
from pipeline.figures import sheets
from pipeline.figures.class_names import legible, shorten

PLOTTED_CLASSES = 10


def samples(images: Array, labels: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Show the first images of each class, a labelled row each; at most 20 classes and 120 images."""
    names = legible(class_names[:20])
    per_class = min(12, 120 // len(names))
    first = [np.flatnonzero(labels == number)[:per_class] for number in range(len(names))]
    mosaic = _mosaic([sheets.on_paper(images[some]) for some in first], per_class)
    height, width = mosaic.shape[:2]
    inches = 0.55 * per_class
    figure = Figure(figsize=(inches + 2, inches * height / width), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.imshow(mosaic, cmap="gray")
    axes.set_yticks((np.arange(len(names)) + 0.5) * height / len(names), names, parse_math=False)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def augmented(image: np.ndarray, augmentations: np.ndarray | None) -> Figure:
    """Show a training image beside 100 augmentations of it, or alone for a model that has none."""
    original = sheets.on_paper(image)
    if augmentations is None:
        figure = Figure(figsize=(3.4, 3.4), dpi=110, layout="constrained")
        sheets.draw_image(figure.subplots(), original, "A training image: this model is trained\non images as they are")
        return figure
    figure = Figure(figsize=(8.2, 5.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 3))
    sheets.draw_image(left, original, "A training image")
    mosaic = _mosaic(list(sheets.on_paper(augmentations).reshape(10, 10, *image.shape)), 10)
    sheets.draw_image(right, mosaic, "100 random augmentations of it, drawn as in this model's training")
    return figure


def predictions(
    titles: Sequence[str], images: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> Figure:
    """Draw each image, as the network sees it, beside bars of its ten most probable classes.

    `probabilities` are of (n, classes).
    """
    columns = min(3, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(4.6 * columns, 2.3 * rows), dpi=120, layout="constrained")
    grid = figure.subplots(rows, 2 * columns, squeeze=False).reshape(-1, 2)
    for (left, right), title, image, row in zip(grid, titles, images, probabilities, strict=False):
        sheets.draw_image(left, image, shorten(title, 40))
        _draw_bars(right, row, class_names)
    for axes in grid[len(titles) :].ravel():
        axes.axis("off")
    return figure


def prediction(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw of all images the one that the model is least sure of and still gets right, beside its probabilities.

    It shows how near another class can come; most images have one long bar, and the wrong ones are among the mistakes.
    Where none is right it is the least sure one. The bars are of the ten most probable classes.
    """
    right = labels == probabilities.argmax(axis=1)
    candidates = np.flatnonzero(right if right.any() else ~right)
    chosen = candidates[probabilities[candidates].max(axis=1).argmin()]
    row, names = probabilities[chosen], legible(class_names)
    figure = Figure(figsize=(6.4, 3.5), dpi=110, layout="constrained")
    left, bars = figure.subplots(1, 2)
    title = f"true: {names[labels[chosen]]}\npredicted: {names[row.argmax()]}"
    sheets.draw_image(left, sheets.on_paper(images[chosen]), title)
    _draw_bars(bars, row, class_names)
    bars.set_title("the most probable classes", loc="left", fontsize=9)
    among = "gets right" if right.any() else "sees, none of them right"
    title = f"Test image {chosen}: of all that the model {among}, the one it is least sure of"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _mosaic(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Set images in rows on white, a pixel of margin about each; a row may have fewer images than columns."""
    height, width, channels = rows[0].shape[1:]
    mosaic = np.full((len(rows), height + 2, columns, width + 2, channels), 255, np.uint8)
    for row, images in enumerate(rows):
        mosaic[row, 1:-1, : len(images), 1:-1] = images.swapaxes(0, 1)
    return mosaic.reshape(len(rows) * (height + 2), columns * (width + 2), channels)


def _draw_bars(axes: Axes, probabilities: np.ndarray, class_names: Sequence[str]) -> None:
    shown = np.argsort(-probabilities, kind="stable")[:PLOTTED_CLASSES]
    rows, names = np.arange(len(shown)), legible(class_names)
    bars = axes.barh(rows, probabilities[shown], color=["#0072B2", *["#9CC4DE"] * (len(shown) - 1)])
    axes.bar_label(bars, [f"{value:.4f}" for value in probabilities[shown]], padding=2, fontsize=7)
    axes.set_yticks(rows, [names[index] for index in shown], fontsize=7, parse_math=False)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1.3)  # room for the label of a bar of 1
    axes.set_box_aspect(1)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
