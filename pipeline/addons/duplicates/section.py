"""The report's section on duplicates."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.addons.galleries import galleries
from pipeline.addons.galleries.galleries import SHOWN
from pipeline.evaluation.extending import Report, ReportSection

TITLE = "Images that are there twice"
TEXT = "[Pairs of duplicates](failures/duplicates.png), in one split or in two ([table](failures/duplicates.csv))."
WORDS = galleries.Words(
    "Duplicates",
    "The left image, the right one and the root mean square difference of their pixels, 0 to 255",
    "{first split} {first image}: {first label}\n{second split} {second image}: {second label}, {distance:.2f}",
)
SIDES = ("first", "second")


def section(report: Report) -> ReportSection:
    """Show the pairs that the stage `duplicates` found."""
    table = pd.read_csv(report.data / "duplicates.csv", keep_default_na=False)  # a class may be called NA
    files = {
        "failures/duplicates": with_files(table, report.names),
        "failures/duplicates.png": draw(report.images, table, report.class_names),
    }
    return ReportSection(TITLE, TEXT, files, pictures={TITLE: "failures/duplicates.png"})


def with_files(table: pd.DataFrame, names: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Add columns `first file` and `second file`, where names of files, by split, are known."""
    for side in SIDES if names else ():
        table = table.assign(**{f"{side} file": _of_side(table, side, names)})
    return table


def draw(images: Mapping[str, np.ndarray], table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the pairs of a table of duplicates side by side; `images` are by split."""
    height, width, channels = next(iter(images.values())).shape[1:]
    white = 255 if channels == 3 else 0  # on paper
    pictures = np.full((len(table[:SHOWN]), height, 2 * width + 2, channels), white, np.uint8)
    for picture, left, right in zip(pictures, *(_of_side(table[:SHOWN], side, images) for side in SIDES), strict=True):
        picture[:, :width], picture[:, -width:] = left, right
    captions = galleries.captions_of(table, WORDS.caption, class_names)
    return galleries.captioned(galleries.title(WORDS, len(table)), pictures, captions)


def _of_side(table: pd.DataFrame, side: str, by_split: Mapping[str, np.ndarray]) -> list[Any]:
    """Look up each pair's first or second image."""
    numbered = zip(table[f"{side} split"], table[f"{side} image"], strict=True)
    return [by_split[split][image] for split, image in numbered]
