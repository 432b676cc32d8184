"""Every list of where models fail, the first 100 rows of each, by the name of its file."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.evaluation import comparison, label_errors, mistakes
from pipeline.evaluation.comparison import Evaluations
from pipeline.evaluation.records import Evaluation

ROWS = 100
SHOWN = 40
OUT_OF_SAMPLE = ("test", "validation")  # the splits that no network has learnt from


def of_training(evaluation: Evaluation) -> dict[str, pd.DataFrame]:
    """List one training's confused pairs, most confident mistakes and least certain images of the test split."""
    names, test = evaluation.class_names, evaluation.test
    return {
        "confused_pairs": mistakes.confused_pairs(evaluation.confusion, names)[:ROWS],
        "mistakes": mistakes.most_confident(test.labels, test.probabilities, names)[:ROWS],
        "least_certain": mistakes.least_certain(test.labels, test.probabilities, names)[:ROWS],
    }


def of_test_images(evaluations: Evaluations) -> dict[str, pd.DataFrame]:
    """List, by title, the first 40 test images of each list, for the page."""
    found = {
        "Images that every training gets wrong": never_right(evaluations),
        "Labels that are likely wrong": label_errors_by_split(evaluations)["test"],
    }
    for name, evaluation in comparison.by_training(evaluations).items():
        tables = of_training(evaluation)
        found[f"{name}: the mistakes that it is surest of"] = tables["mistakes"]
        found[f"{name}: the images that it is least certain of"] = tables["least_certain"]
    return {title: table[:SHOWN] for title, table in found.items()}


def never_right(evaluations: Evaluations) -> pd.DataFrame:
    """List the test images that every training gets wrong."""
    every = list(comparison.by_training(evaluations).values())
    return mistakes.never_right(
        every[0].test.labels, [evaluation.test.probabilities for evaluation in every], every[0].class_names
    )[:ROWS]


def label_errors_by_split(
    evaluations: Evaluations, cross_validated: Sequence[np.ndarray] = ()
) -> dict[str, pd.DataFrame]:
    """List the likely label errors of the splits that no network has learnt from, by all trainings together.

    The training part's, too, given probabilities of its images by models that have not seen them, (n, classes) each.
    """
    every = list(comparison.by_training(evaluations).values())
    splits = [split for split in OUT_OF_SAMPLE if split in every[0].splits]
    unseen = {split: [evaluation.splits[split].probabilities[:] for evaluation in every] for split in splits}
    if cross_validated:
        unseen["train"] = list(cross_validated)
    names = every[0].class_names
    return {
        split: label_errors.table(every[0].splits[split].labels, probabilities, names)[:ROWS]
        for split, probabilities in unseen.items()
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
