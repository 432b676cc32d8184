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
    """What a gallery says: its title, what its captions mean, and a caption, the table's columns in braces."""

    title: str
    meaning: str
    caption: str


def listed(words: Words, images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table with `image` and the columns that the caption names."""
    captions = captions_of(table, words.caption, class_names)
    return captioned(title(words, len(table)), images[table["image"][:SHOWN]], captions)


def title(words: Words, number: int) -> str:
    """Say which images are shown, how many of how many, and what their captions mean."""
    count = f"the first {SHOWN} of {number:,}" if number > SHOWN else number or "none"
    return f"{words.title}: {count}\n{words.meaning}"


def captions_of(table: pd.DataFrame, caption: str, class_names: Sequence[str]) -> list[str]:
    """Fill in a caption for each row that is shown, with names of classes of 15 characters at most."""
    short = dict(zip(class_names, legible(class_names, 15), strict=True))
    return [caption.format(**row) for row in table[:SHOWN].replace(short).to_dict("records")]


def captioned(title: str, images: np.ndarray, captions: Sequence[str]) -> Figure:
    """Show images in rows of five, each beneath its caption; title and captions may have several lines.

    Images are uint8 of (n, height, width, channels), shown dark on white if they are grey.
    """
    rows = max(1, -(-len(images) // COLUMNS))
    lines = 1 + max((caption.count("\n") for caption in captions), default=0)
    figure = Figure(figsize=(ROOM * COLUMNS, 0.7 + (1.1 + 0.15 * lines) * rows), dpi=110, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=9)
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, image, caption in zip(grid, images, captions, strict=False):
        draw_image(axes, on_paper(image), caption, fontsize=6.5)
    for axes in grid[len(images) :]:
        axes.axis("off")
    return figure
