"""Every list of where models fail, the first 100 rows of each, by the name of its file."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.addons.label_errors import finding
from pipeline.evaluation import comparison, mistakes
from pipeline.evaluation.comparison import Evaluations
from pipeline.evaluation.records import Evaluation

ROWS = 100
SHOWN = 40  # on the page
OUT_OF_SAMPLE = ("test", "validation")  # the splits that no network has learnt from
TITLES = {  # on the page, by the name of a list's file; of one training, with its name
    "never_right": "Images that every training gets wrong",
    "label_errors_test": "Labels that are likely wrong",
    "mistakes": "{}: the mistakes that it is surest of",
    "least_certain": "{}: the images that it is least certain of",
}


def by_split(
    evaluations: Evaluations, labels: np.ndarray, cross_validated: Sequence[np.ndarray] = ()
) -> dict[str, dict[str, pd.DataFrame]]:
    """Make every list of each split by the name of its file, those of one training in a folder, as `vgg-42/mistakes`.

    Likely label errors are listed of the splits that no network has learnt from, and of the training part, whose
    `labels` are integers of (n,), given probabilities of its images by models that have not seen them, (n, classes)
    each.
    """
    trainings = comparison.by_training(evaluations)
    every = list(trainings.values())
    found = _label_errors(every, labels, cross_validated)
    probabilities, names = [evaluation.test.probabilities for evaluation in every], every[0].class_names
    never = {"never_right": mistakes.never_right(every[0].test.labels, probabilities, names)}
    found["test"] = never | found["test"]
    for name, evaluation in trainings.items():
        test = evaluation.test
        found["test"] |= {
            f"{name}/confused_pairs": mistakes.confused_pairs(evaluation.confusion, names),
            f"{name}/mistakes": mistakes.most_confident(test.labels, test.probabilities, names),
            f"{name}/least_certain": mistakes.least_certain(test.labels, test.probabilities, names),
        }
    return {split: {file: table[:ROWS] for file, table in lists.items()} for split, lists in found.items()}


def _label_errors(
    every: list[Evaluation], labels: np.ndarray, cross_validated: Sequence[np.ndarray]
) -> dict[str, dict[str, pd.DataFrame]]:
    first = every[0]
    unseen = {
        split: (first.splits[split].labels, [evaluation.splits[split].probabilities for evaluation in every])
        for split in OUT_OF_SAMPLE
        if split in first.splits
    }
    if cross_validated:
        unseen["train"] = (labels, list(cross_validated))
    tables = {split: finding.table(*found, first.class_names) for split, found in unseen.items()}
    return {split: {f"label_errors_{split}": table} for split, table in tables.items()}


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
