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


def least_certain(images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table with `image`, `label`, `prediction`, `second` and `margin`."""
    names, shown = _names(class_names), table[:SHOWN]
    captions = [
        (f"{row.image}: {names[row.label]}", f"{names[row.prediction]} or {names[row.second]}, {row.margin:.4f}")
        for row in shown.itertuples()
    ]
    title = _title("Images that the model is least certain of", len(table))
    explained = "Number: label; the two most probable classes, by how much the first is more probable"
    return sheets.captioned([title, explained], images[shown["image"]], captions)


def never_right(images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table with `image`, `label`, `prediction`, `votes` and `probability`."""
    names, shown = _names(class_names), table[:SHOWN]
    captions = [
        (f"{row.image}: {names[row.label]}", f"{names[row.prediction]} ({row.votes}), {row.probability:.4f}")
        for row in shown.itertuples()
    ]
    title = _title("Images that every training gets wrong", len(table))
    explained = "Number: label; the class that most trainings say (how many), the label's mean probability"
    return sheets.captioned([title, explained], images[shown["image"]], captions)


def label_errors(images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table with `image`, `label`, `suggested` and `quality`."""
    names, shown = _names(class_names), table[:SHOWN]
    captions = [
        (f"{row.image}: {names[row.label]}", f"{names[row.suggested]}? {row.quality:.4f}") for row in shown.itertuples()
    ]
    title = _title("Images whose label is likely wrong", len(table))
    explained = "Number: label; the class that the models suggest, the quality of the label from 0 to 1"
    return sheets.captioned([title, explained], images[shown["image"]], captions)


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


def changed(images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table with `image`, `label`, `before` and `after`: what a model said and says."""
    names, shown = _names(class_names), table[:SHOWN]
    captions = [
        (f"{row.image}: {names[row.label]}", f"{names[row.before]} → {names[row.after]}") for row in shown.itertuples()
    ]
    title = _title("Images that a model sees otherwise", len(table))
    return sheets.captioned(
        [title, "Number: label; what the model said before and says now"], images[shown["image"]], captions
    )


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
