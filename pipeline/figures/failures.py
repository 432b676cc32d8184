"""Galleries of the images that a list names, the first 40; the caller saves them.

Images are uint8 of (n, height, width, channels): the whole split in which the list counts.
"""

from collections.abc import Mapping, Sequence

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
    names, shown = _names(class_names), table[:SHOWN]
    which, explained, form = LISTS[kind]
    rows = [{what: names.get(cell, cell) for what, cell in row.items()} for row in shown.to_dict("records")]
    captions = [(f"{row['image']}: {row['label']}", form.format(**row)) for row in rows]
    return sheets.captioned([_title(which, len(table)), explained], images[shown["image"]], captions)


def mistakes(images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table of all mistakes with `image`, `label`, `prediction` and `probability`."""
    names, shown = _names(class_names), table[:SHOWN]
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
        which = "All of them" if len(table) <= SHOWN else f"The {SHOWN} that the model is surest of"
        title = [f"{len(table):,} of {len(images):,} test images are misclassified."]
        title += [f"{which}, with the wrong class's probability:"]
    return sheets.captioned(title, images[shown["image"]], captions)


def duplicates(splits: Mapping[str, np.ndarray], table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the pairs of a table of duplicates side by side; `splits` maps names to images.

    Columns: `first split`, `first image`, `first label`, the same of `second`, and `distance`.
    """
    names, shown = _names(class_names), table[:SHOWN]
    first, second = (
        [f"{split} {image}: {names[label]}" for split, image, label in _side(shown, side)]
        for side in ("first", "second")
    )
    nearness = [f"{words}, {distance:.2f}" for words, distance in zip(second, shown["distance"], strict=True)]
    title = _title("Duplicates", len(table))
    explained = "The left image, the right one and the root mean square difference of their pixels, 0 to 255"
    captions = list(zip(first, nearness, strict=True))
    return sheets.captioned([title, explained], _pairs(splits, shown), captions, pixels=120)


def corruptions(images: np.ndarray, captions: Sequence[Sequence[str]]) -> Figure:
    """Show one image spoilt in many ways, five to a row."""
    title = ["A test image, spoilt in every way that robustness is measured by"]
    return sheets.captioned(title, images, captions, most=5)


def _pairs(splits: Mapping[str, np.ndarray], table: pd.DataFrame) -> np.ndarray:
    """Set each pair of images side by side, two white pixels between them."""
    none = next(iter(splits.values()))[:0]
    left, right = (
        np.concatenate([none, *(splits[split][image][None] for split, image, _ in _side(table, side))])
        for side in ("first", "second")
    )
    between = np.full_like(left[:, :, :1], 255 if left.shape[-1] == 3 else 0).repeat(2, axis=2)
    return np.concatenate([left, between, right], axis=2)


def _side(table: pd.DataFrame, side: str) -> list[tuple[str, int, str]]:
    columns = [f"{side} {what}" for what in ("split", "image", "label")]
    return list(table[columns].itertuples(index=False, name=None))


def _names(class_names: Sequence[str]) -> dict[str, str]:
    return dict(zip(class_names, legible(class_names, 15), strict=True))


def _title(which: str, number: int) -> str:
    return f"{which}: {f'the first {SHOWN} of {number:,}' if number > SHOWN else number or 'none'}"
