"""Galleries of images that a list names, the first 40; the caller saves them.

Images are uint8 of (n, height, width, channels): the whole split in which the list counts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures.class_names import legible
from pipeline.figures.gallery import draw_image, on_paper

SHOWN = 40
ROWS = 100  # that a list has as a table
COLUMNS = 5
ROOM = 2.4  # inches for a column: two class names of a caption


class Words(NamedTuple):
    """What a gallery says: its title, what its captions mean, and a caption's second line, columns in braces."""

    title: str
    meaning: str
    caption: str


def listed(words: Words, images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table with `image`, `label` and the columns that the caption names."""
    names, shown = short_names(class_names), table[:SHOWN]
    captions = []
    for row in shown.replace(names).to_dict("records"):
        captions.append((f"{row['image']}: {row['label']}", words.caption.format(**row)))
    return captioned([title(words.title, len(table)), words.meaning], images[shown["image"]], captions)


def short_names(class_names: Sequence[str]) -> dict[str, str]:
    """Return each class's name as a figure can show it, in 15 characters at most."""
    return dict(zip(class_names, legible(class_names, 15), strict=True))


def title(which: str, number: int) -> str:
    """Say which images are shown, and how many of how many."""
    return f"{which}: {f'the first {SHOWN} of {number:,}' if number > SHOWN else number or 'none'}"


def captioned(title: Sequence[str], images: np.ndarray, captions: Sequence[Sequence[str]]) -> Figure:
    """Show images in rows of five, each beneath the lines of its caption, under a title of one line or two.

    Images are uint8 of (n, height, width, channels), shown dark on white if they are grey.
    """
    rows = max(1, -(-len(images) // COLUMNS))
    lines = max(map(len, captions), default=1)
    figure = Figure(figsize=(ROOM * COLUMNS, 0.7 + (1.1 + 0.15 * lines) * rows), dpi=110, layout="constrained")
    figure.suptitle("\n".join(title), x=0.01, ha="left", fontsize=9)
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, image, caption in zip(grid, images, captions, strict=False):
        draw_image(axes, on_paper(image), "\n".join(caption), fontsize=6.5)
    for axes in grid[len(images) :]:
        axes.axis("off")
    return figure
