"""Galleries of the images that a list names, the first 40; the caller saves them.

Images are uint8 of (n, height, width, channels): the whole split in which the list counts.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures import sheets
from pipeline.figures.class_names import legible

SHOWN = 40
ROWS = 100  # of a list that is written as a table


def listed(
    explained: tuple[str, str, str], images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]
) -> Figure:
    """Show the images of a table with `image`, `label`, and the columns that the third of `explained` has in braces.

    The first is the title, the second says what the words beneath an image are, and the third is what follows its
    number and label.
    """
    names, shown = short_names(class_names), table[:SHOWN]
    which, meaning, form = explained
    rows = [{what: names.get(cell, cell) for what, cell in row.items()} for row in shown.to_dict("records")]
    captions = [(f"{row['image']}: {row['label']}", form.format(**row)) for row in rows]
    return sheets.captioned([title(which, len(table)), meaning], images[shown["image"]], captions)


def short_names(class_names: Sequence[str]) -> dict[str, str]:
    """Return each class's name as a figure can show it, in 15 characters at most."""
    return dict(zip(class_names, legible(class_names, 15), strict=True))


def title(which: str, number: int) -> str:
    """Say which images are shown, and how many of how many."""
    return f"{which}: {f'the first {SHOWN} of {number:,}' if number > SHOWN else number or 'none'}"
