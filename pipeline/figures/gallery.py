"""Pictures of images; the caller saves them. Images are uint8 of (n, height, width, channels), one channel or three."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pipeline.data.arrays import Array
from pipeline.figures import sheets
from pipeline.figures.class_names import legible, shorten

PLOTTED_CLASSES = 10


def samples(images: Array, labels: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Show the first images of each class, a labelled row each; at most 20 classes and 120 images."""
    shown = legible(class_names[:20])
    height, width = images.shape[1:3]
    per_class = min(12, 120 // len(shown))
    first = [np.flatnonzero(labels == row)[:per_class] for row in range(len(shown))]
    mosaic = _mosaic([sheets.on_paper(images[some]) for some in first], per_class)
    margin = 0.3 + 0.085 * max(map(len, shown))  # inches, for the names
    figure = Figure(figsize=(0.55 * per_class + margin, 0.55 * len(shown) * height / width), dpi=100)
    axes = figure.add_axes((margin / figure.get_figwidth(), 0.0, 1 - margin / figure.get_figwidth(), 1.0))
    axes.imshow(mosaic, cmap="gray", aspect="auto")
    axes.set_yticks((np.arange(len(shown)) + 0.5) * (height + 2), shown, parse_math=False)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def augmented(image: np.ndarray, augmentations: np.ndarray | None) -> Figure:
    """Show a training image, large, beside 100 augmentations of it, or alone for a model that has none."""
    large, small = sheets.magnification(image.shape, 140), sheets.magnification(image.shape, 48)
    height, width = (round(side * large) for side in image.shape[:2])
    if augmentations is None:
        figure, axes = sheets.sheet(350, height + 70)
        words = "A training image. This model is trained on", "images as they are, without augmentation."
        sheets.write(axes, 14, 24, *words)
        sheets.place(axes, sheets.on_paper(image), 14, 56, large)
        return figure
    mosaic = _mosaic(list(sheets.on_paper(augmentations).reshape(10, 10, *image.shape)), 10)
    bottom, right = (round(side * small) for side in mosaic.shape[:2])
    left = max(width, 120) + 40
    figure, axes = sheets.sheet(left + max(right, 390) + 10, max(height, bottom) + 54)
    sheets.write(axes, 14, 24, "A training image")
    sheets.write(axes, left, 24, "100 random augmentations of it, drawn as in this model's training")
    sheets.place(axes, sheets.on_paper(image), 14, 40, large)
    sheets.place(axes, mosaic, left, 40, small)
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
        _draw_image(left, image, shorten(title, 40))
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
    figure = Figure(figsize=(6.4, 3.5), dpi=110, layout=ConstrainedLayoutEngine(h_pad=0.08))
    left, bars = figure.subplots(1, 2)
    title = f"true: {names[labels[chosen]]}\npredicted: {names[row.argmax()]}"
    _draw_image(left, sheets.on_paper(images[chosen]), title)
    _draw_bars(bars, row, class_names)
    which = "probability" if len(row) <= PLOTTED_CLASSES else f"the {PLOTTED_CLASSES} most probable"
    bars.set_title(which, loc="left", fontsize=9)
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


def _draw_image(axes: Axes, image: np.ndarray, title: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, loc="left", fontsize=9, parse_math=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#BBBBBB")  # so that a white picture has an edge


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
