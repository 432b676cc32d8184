"""The report's section on label errors."""

import shutil
from pathlib import Path

import numpy as np

from pipeline.addons.label_errors import finding
from pipeline.addons.label_errors.settings import FOLDS
from pipeline.base import files
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Report, Section
from pipeline.figures import failures

TITLE = "Labels that are likely wrong"
EXPLAINED = failures.Words(
    "Images whose label is likely wrong",
    "Number: label; the class that the models suggest, the quality of the label from 0 to 1",
    "{suggested}? {quality:.4f}",
)
PARTS = {"test": "of the test split", "validation": "of the validation part", "train": "of the training part"}


def section(report: Report) -> Section:
    """List label errors of the splits that no network has learnt from, and of the training part if it was predicted."""
    every, models = comparison.by_training(report.evaluations).values(), report.params.section("label_errors").models
    splits = next(iter(every)).splits.keys() - {"train"}
    unseen = {split: [evaluation.splits[split].probabilities for evaluation in every] for split in splits}
    if held_out := cross_validated(report.data / "evaluations/cross_validated", models):
        unseen["train"] = held_out
    found = {
        split: finding.table(report.labels[split], unseen[split], report.class_names)[: failures.ROWS]
        for split in PARTS
        if split in unseen
    }
    paths = {split: f"failures/label_errors_{split}" for split in found}
    files = {paths[split]: report.with_files(table, split) for split, table in found.items()}
    figures = {
        f"{paths[split]}.png": failures.listed(EXPLAINED, report.images[split], table, report.class_names)
        for split, table in found.items()
    }
    lines = [
        f"- [{PARTS[split]}]({path}.png), found by cleanlab ([table]({path}.csv))" for split, path in paths.items()
    ]
    pictures = {f"{TITLE}, {PARTS[split]}": f"{path}.png" for split, path in paths.items() if split != "test"}
    listed = {TITLE: found["test"][: failures.SHOWN]}
    return Section(TITLE, "\n".join(lines), files | figures, listed, pictures)


def cross_validated(folder: Path, models: list[str]) -> list[np.ndarray]:
    """Read the probabilities of the training images by networks that have not seen them, (n, classes) a model.

    Those of models that params.yaml names no longer go, so that the folder has the same MD5 in every clone.
    """
    for path in [path for path in folder.glob("*/") if path.name not in models]:
        shutil.rmtree(path)
    found = []
    for model in models:
        folds = [files.read_arrays(folder / model / f"{fold}.npz") for fold in range(FOLDS)]
        order = np.argsort(np.concatenate([fold["images"] for fold in folds]))
        found.append(np.concatenate([fold["probabilities"] for fold in folds])[order])
    return found
