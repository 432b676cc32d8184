"""A picture of duplicates; the caller saves it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.figures import sheets
from pipeline.figures.failures import SHOWN, short_names, title


def pairs(splits: Mapping[str, np.ndarray], table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the pairs of a table of duplicates side by side; `splits` maps names to images.

    Columns: `first split`, `first image`, `first label`, the same of `second`, and `distance`.
    """
    names, shown = short_names(class_names), table[:SHOWN]
    first, second = (
        [f"{split} {image}: {names[label]}" for split, image, label in _side(shown, side)]
        for side in ("first", "second")
    )
    nearness = [f"{words}, {distance:.2f}" for words, distance in zip(second, shown["distance"], strict=True)]
    explained = "The left image, the right one and the root mean square difference of their pixels, 0 to 255"
    captions = list(zip(first, nearness, strict=True))
    return sheets.captioned([title("Duplicates", len(table)), explained], _side_by_side(splits, shown), captions)


def _side_by_side(splits: Mapping[str, np.ndarray], table: pd.DataFrame) -> np.ndarray:
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
