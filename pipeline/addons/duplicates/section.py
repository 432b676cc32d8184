"""The report's section on duplicates."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.addons.galleries import galleries
from pipeline.addons.galleries.galleries import SHOWN, short_names, title
from pipeline.evaluation.extending import Report, ReportSection

TITLE = "Images that are there twice"
TEXT = "[Pairs of duplicates](failures/duplicates.png), in one split or in two ([table](failures/duplicates.csv))."
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
        numbered = zip(table[f"{side} split"], table[f"{side} image"], strict=True)
        table = table.assign(**{f"{side} file": [names[split][image] for split, image in numbered]})
    return table


def draw(images: Mapping[str, np.ndarray], table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the pairs of a table of duplicates side by side; `images` are by split."""
    names, (_, height, width, channels) = short_names(class_names), next(iter(images.values())).shape
    pairs, captions = [], []
    for row in table[:SHOWN].to_dict("records"):
        numbered = [(row[f"{side} split"], row[f"{side} image"], row[f"{side} label"]) for side in SIDES]
        left, right = (images[split][image] for split, image, _ in numbered)
        first, second = (f"{split} {image}: {names[label]}" for split, image, label in numbered)
        pairs.append(_side_by_side(left, right))
        captions.append((first, f"{second}, {row['distance']:.2f}"))
    heading = title("Duplicates", len(table))
    explained = "The left image, the right one and the root mean square difference of their pixels, 0 to 255"
    pictures = np.array(pairs, np.uint8).reshape(-1, height, 2 * width + 2, channels)  # also where there are none
    return galleries.captioned([heading, explained], pictures, captions)


def _side_by_side(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Set two images of (height, width, channels) side by side, two pixels between them that are white on paper."""
    height, _, channels = left.shape
    between = np.full((height, 2, channels), 255 if channels == 3 else 0, np.uint8)
    return np.concatenate([left, between, right], axis=1)
