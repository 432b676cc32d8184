"""Every list of where models fail, the first 100 rows of each, by the name of its file."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.evaluation import comparison, mistakes
from pipeline.evaluation.records import Evaluations

ROWS = 100
SHOWN = 40  # on the page
TITLES = {  # on the page, by the name of a list's file; of one training, with its name
    "never_right": "Images that every training gets wrong",
    "mistakes": "{}: its most confident mistakes",
    "least_certain": "{}: the images that it is least certain of",
}


def of_test(evaluations: Evaluations) -> dict[str, pd.DataFrame]:
    """Make every list by the name of its file, those of one training in a folder, as `vgg-42/mistakes`."""
    trainings = comparison.by_training(evaluations)
    every = list(trainings.values())
    names, labels = every[0].class_names, every[0].test.labels
    found = {"never_right": mistakes.never_right(labels, [one.test.probabilities for one in every], names)}
    for name, evaluation in trainings.items():
        found |= {
            f"{name}/confused_pairs": mistakes.confused_pairs(evaluation.confusion, names),
            f"{name}/mistakes": mistakes.most_confident(labels, evaluation.test.probabilities, names),
            f"{name}/least_certain": mistakes.least_certain(labels, evaluation.test.probabilities, names),
        }
    return {file: table[:ROWS] for file, table in found.items()}


def titled(test: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return, by title, the first 40 images of each list of the test split, for the page."""
    parts = {file: file.rpartition("/") for file in test}
    return {
        TITLES[kind].format(training): test[file][:SHOWN]
        for file, (training, _, kind) in parts.items()
        if kind in TITLES
    }


def of_files(table: pd.DataFrame, names: Mapping[str, np.ndarray], split: str = "test") -> pd.DataFrame:
    """Add columns `file` to a table of images, where `names` of files are known by split.

    A table of pairs, of columns `first split`, `first image` and the same of `second`, gets one for each side.
    """
    if not names:
        return table
    if "image" in table:
        return table.assign(file=names[split][table["image"].to_numpy(int)])
    sides = [side for side in ("first", "second") if f"{side} image" in table]
    pairs = {side: zip(table[f"{side} split"], table[f"{side} image"], strict=True) for side in sides}
    return table.assign(**{f"{side} file": [names[of][image] for of, image in pair] for side, pair in pairs.items()})
