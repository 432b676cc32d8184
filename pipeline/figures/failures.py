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
LISTS = {  # the title of each kind, what the words beneath an image are, and what follows its number and label
    "least_certain": (
        "Images that the model is least certain of",
        "Number: label; the two most probable classes, by how much the first is more probable",
        "{prediction} or {second}, {margin:.4f}",
    ),
    "never_right": (
        "Images that every training gets wrong",
        "Number: label; the class that most trainings say (how many), the label's mean probability",
        "{prediction} ({votes}), {probability:.4f}",
    ),
    "label_errors": (
        "Images whose label is likely wrong",
        "Number: label; the class that the models suggest, the quality of the label from 0 to 1",
        "{suggested}? {quality:.4f}",
    ),
    "changed": (
        "Images that a model sees otherwise",
        "Number: label; what the model said before and says now",
        "{before} → {after}",
    ),
}


def listed(kind: str, images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table with `image`, `label` and, of its kind in `LISTS`, the columns in braces."""
    names, shown = short_names(class_names), table[:SHOWN]
    which, explained, form = LISTS[kind]
    rows = [{what: names.get(cell, cell) for what, cell in row.items()} for row in shown.to_dict("records")]
    captions = [(f"{row['image']}: {row['label']}", form.format(**row)) for row in rows]
    return sheets.captioned([title(which, len(table)), explained], images[shown["image"]], captions)


def mistakes(images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table of all mistakes with `image`, `label`, `prediction` and `probability`."""
    names, shown = short_names(class_names), table[:SHOWN]
    captions = [
        (
            f"true: {names[row.label]}",
            f"predicted: {names[row.prediction]}",
            f"{row.probability:.4f}, image {row.image}",
        )
        for row in shown.itertuples()
    ]
    title = [f"None of the {len(images):,} test images is misclassified."]
    if len(table):
        which = "All of them" if len(table) <= SHOWN else f"The {SHOWN} most confident"
        title = [f"{len(table):,} of {len(images):,} test images are misclassified."]
        title += [f"{which}, with the wrong class's probability:"]
    return sheets.captioned(title, images[shown["image"]], captions)


def short_names(class_names: Sequence[str]) -> dict[str, str]:
    """Return each class's name as a figure can show it, in 15 characters at most."""
    return dict(zip(class_names, legible(class_names, 15), strict=True))


def title(which: str, number: int) -> str:
    """Say which images are shown, and how many of how many."""
    return f"{which}: {f'the first {SHOWN} of {number:,}' if number > SHOWN else number or 'none'}"
