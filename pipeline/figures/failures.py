"""Galleries of the images that a list names, the first 40; the caller saves them.

Images are uint8 of (n, height, width, channels): the whole split in which the list counts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures import sheets
from pipeline.figures.class_names import legible

SHOWN = 40
ROWS = 100  # that a list has as a table


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
    return sheets.captioned([title(words.title, len(table)), words.meaning], images[shown["image"]], captions)


def short_names(class_names: Sequence[str]) -> dict[str, str]:
    """Return each class's name as a figure can show it, in 15 characters at most."""
    return dict(zip(class_names, legible(class_names, 15), strict=True))


def title(which: str, number: int) -> str:
    """Say which images are shown, and how many of how many."""
    return f"{which}: {f'the first {SHOWN} of {number:,}' if number > SHOWN else number or 'none'}"
