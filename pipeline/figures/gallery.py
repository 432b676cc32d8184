"""Pictures of images; the caller saves them. Images are uint8 of (n, height, width, channels), one channel or three."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.data.arrays import Array
from pipeline.figures.class_names import legible


def samples(images: Array, labels: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Show the first images of each class, a labelled row each; at most 20 classes and 120 images."""
    names = legible(class_names[:20])
    per_class = min(12, 120 // len(names))
    first = [np.flatnonzero(labels == number)[:per_class] for number in range(len(names))]
    mosaic = _mosaic([on_paper(images[some]) for some in first], per_class)
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
    original = on_paper(image)
    if augmentations is None:
        figure = Figure(figsize=(3.4, 3.4), dpi=110, layout="constrained")
        draw_image(figure.subplots(), original, "A training image: this model is trained\non images as they are")
        return figure
    figure = Figure(figsize=(8.2, 5.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 3))
    draw_image(left, original, "A training image")
    mosaic = _mosaic(list(on_paper(augmentations).reshape(10, 10, *image.shape)), 10)
    draw_image(right, mosaic, "100 random augmentations of it, drawn as in this model's training")
    return figure


def _mosaic(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Set images in rows on white, a pixel of margin about each; a row may have fewer images than columns."""
    height, width, channels = rows[0].shape[1:]
    mosaic = np.full((len(rows), height + 2, columns, width + 2, channels), 255, np.uint8)
    for row, images in enumerate(rows):
        mosaic[row, 1:-1, : len(images), 1:-1] = images.swapaxes(0, 1)
    return mosaic.reshape(len(rows) * (height + 2), columns * (width + 2), channels)


def draw_image(axes: Axes, image: np.ndarray, title: str, fontsize: float = 9) -> None:
    """Show an image, uint8 of (height, width, channels), beneath its title."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, loc="left", fontsize=fontsize, parse_math=False)
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set_color("#BBBBBB")  # so that a white picture has an edge


def on_paper(images: np.ndarray) -> np.ndarray:
    """Invert grey images, which datasets have bright on black, and leave those of three channels as they are."""
    return images if images.shape[-1] == 3 else 255 - images
