"""The report's section on label errors."""

import shutil
from pathlib import Path

import numpy as np

from pipeline.addons.label_errors import finding
from pipeline.base import files
from pipeline.evaluation import comparison, lists
from pipeline.evaluation.extending import Report, Section
from pipeline.figures import failures

TITLE = "Labels that are likely wrong"
PARTS = {"test": "of the test split", "validation": "of the validation part", "train": "of the training part"}


def section(report: Report) -> Section:
    """List label errors of the splits that no network has learnt from, and of the training part if it was predicted."""
    every, models = comparison.by_training(report.evaluations).values(), report.params.section("label_errors").models
    splits = next(iter(every)).splits.keys() - {"train"}
    unseen = {split: [evaluation.splits[split].probabilities for evaluation in every] for split in splits}
    if held_out := cross_validated(report.data / "evaluations/cross_validated", models):
        unseen["train"] = held_out
    found = {
        split: finding.table(report.labels[split], unseen[split], report.class_names)[: lists.ROWS]
        for split in PARTS
        if split in unseen
    }
    files = {f"label_errors_{split}": lists.of_files(table, report.names, split) for split, table in found.items()}
    figures = {
        f"label_errors_{split}.png": failures.listed("label_errors", report.images[split], table, report.class_names)
        for split, table in found.items()
    }
    lines = [
        f"- [{PARTS[split]}](failures/label_errors_{split}.png), found by cleanlab "
        f"([table](failures/label_errors_{split}.csv))"
        for split in found
    ]
    pictures = {f"{TITLE}, {PARTS[split]}": f"label_errors_{split}.png" for split in found if split != "test"}
    listed = {TITLE: found["test"][: lists.SHOWN]}
    return Section(TITLE, "\n".join(lines), files | figures, listed, pictures)


def cross_validated(folder: Path, models: list[str]) -> list[np.ndarray]:
    """Read the probabilities of the training images by networks that have not seen them, (n, classes) a model.

    Those of models that params.yaml names no longer go, so that the folder has the same MD5 in every clone.
    """
    for path in [path for path in folder.glob("*") if path.name not in models]:
        shutil.rmtree(path)
    found = []
    for model in models:
        folds = [files.read_arrays(path) for path in sorted((folder / model).glob("*.npz"))]
        order = np.argsort(np.concatenate([fold["images"] for fold in folds]))
        found.append(np.concatenate([fold["probabilities"] for fold in folds])[order])
    return found
