"""Sheets of images with words beneath, counted in pixels from the top left; the caller saves them."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

DPI = 128  # a power of two, so that a sheet's pixels stay whole numbers
SHEET = 1230  # pixels wide
TITLE = 580  # pixels, at least, so that no title is cut off
LETTERS = 6.5  # points


def captioned(
    title: Sequence[str], images: np.ndarray, captions: Sequence[Sequence[str]], pixels: int = 60, most: int = 20
) -> Figure:
    """Show images in rows, each with the lines of its caption beneath, under a title of one line or two.

    Images are uint8 of (n, height, width, channels), shown dark on white if they are grey, the longer side in about so
    many pixels, `most` to a row.
    """
    larger = magnification(images.shape[1:], pixels)
    height, width = (round(side * larger) for side in images.shape[1:3])
    lines = [line for caption in captions for line in caption]
    width = max(width, 100, *map(length, lines)) + 20
    height += 22 + 14 * max(map(len, captions), default=0)
    columns = max(1, min(most, SHEET // width))
    wide = max(TITLE, 14 + min(columns, len(images)) * width)
    figure, axes = sheet(wide, 64 + -(-len(images) // columns) * height)
    write(axes, 14, 24, *title)
    for position, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = 14 + position % columns * width, 60 + position // columns * height
        place(axes, on_paper(image), left, top, larger)
        write(axes, left, top + height - 8 - 14 * len(caption), *caption)
    return figure


def on_paper(images: np.ndarray) -> np.ndarray:
    """Invert grey images, which datasets have bright on black, and leave those of three channels as they are."""
    return images if images.shape[-1] == 3 else 255 - images


def magnification(shape: Sequence[int], pixels: int) -> float:
    """Return what brings an image's longer side near `pixels`: whole times, which stay sharp, or a fraction."""
    longer = max(shape[:2])
    return round(pixels / longer) if longer <= pixels else pixels / longer


def sheet(width: int, height: int) -> tuple[Figure, Axes]:
    """Make a figure of so many pixels with axes that count them, from the top left."""
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    return figure, axes


def place(axes: Axes, pixels: np.ndarray, left: int, top: int, larger: float) -> None:
    """Show pixels of (height, width, channels), uint8, with their upper left corner at a point."""
    height, width = (round(side * larger) for side in pixels.shape[:2])
    extent = (left, left + width, top + height, top)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")


def write(axes: Axes, left: int, top: int, *lines: str) -> None:
    """Write lines, the baseline of the first at `top`: one by one, since matplotlib sets some nearer than others."""
    for number, line in enumerate(lines):
        axes.text(left, top + 14 * number, line, fontsize=LETTERS, va="baseline", parse_math=False)


def length(line: str) -> int:
    """Return how many pixels wide `write` writes a line."""
    font = FontProperties(size=LETTERS * DPI / 72)
    return math.ceil(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0])
