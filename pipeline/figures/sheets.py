"""Sheets of images with words above each; the caller saves them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMNS = 5
ROOM = 2.4  # inches for a column: two class names of a caption


def captioned(title: Sequence[str], images: np.ndarray, captions: Sequence[Sequence[str]]) -> Figure:
    """Show images in rows of five, each beneath the lines of its caption, under a title of one line or two.

    Images are uint8 of (n, height, width, channels), shown dark on white if they are grey.
    """
    rows = max(1, -(-len(images) // COLUMNS))
    lines = max(map(len, captions), default=1)
    figure = Figure(figsize=(ROOM * COLUMNS, 0.7 + (0.8 + 0.15 * lines) * rows), dpi=110, layout="constrained")
    figure.suptitle("\n".join(title), x=0.01, ha="left", fontsize=9)
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, image, caption in zip(grid, images, captions, strict=False):
        draw_image(axes, on_paper(image), "\n".join(caption), fontsize=6.5)
    for axes in grid[len(images) :]:
        axes.axis("off")
    return figure


def draw_image(axes: Axes, image: np.ndarray, title: str, fontsize: float = 9) -> None:
    """Show an image, uint8 of (height, width, channels), beneath its title."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, loc="left", fontsize=fontsize, parse_math=False)
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set_color("#BBBBBB")  # so that a white picture has an edge


def on_paper(images: np.ndarray) -> np.ndarray:
    """Invert grey images, which datasets have bright on black, and leave those of three channels as they are."""
    return images if images.shape[-1] == 3 else 255 - images
