"""Compare every model of params.yaml: `report EVALUATIONS_FOLDER PREPARED_FOLDER DUPLICATES REPORT_FOLDER`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.base import errors, files, tables
from pipeline.config import loading
from pipeline.config.schema import Params, Training, leaves
from pipeline.evaluation import calibration, card, comparison, lists, metrics, records, summary
from pipeline.evaluation.comparison import Evaluations
from pipeline.evaluation.records import Evaluation
from pipeline.figures import calibration as trust
from pipeline.figures import curves, failures, png, scores
from pipeline.page import building

CAPTIONS = {
    "Learning curves": "curves",
    "Recall of each class": "recall",
    "Confusion matrices": "confusion",
    "Reliability": "reliability",
    "Accuracy against coverage": "coverage",
}
SHOWN = ("Learning curves", "Recall of each class", "Confusion matrices")  # at the end of README.md


def main() -> None:
    """Write README.md, index.html, pictures, lists of failures and model cards; evaluations no longer needed go."""
    folder, prepared, duplicates, reports = map(
        Path, errors.arguments("EVALUATIONS_FOLDER PREPARED_FOLDER DUPLICATES REPORT_FOLDER")
    )
    params, dataset = loading.load(), files.read_json(prepared / "dataset.json")
    remove_others(folder, {f"{training.name}.npz" for training in params.trainings})
    evaluations = {model: read(folder, params.trainings_of(model)) for model in params.models}
    pictures = {caption: reports / f"{file}.png" for caption, file in CAPTIONS.items()}
    write_pictures(dict(zip(pictures.values(), draw(evaluations), strict=True)))
    name = params.fetch.dataset_name
    markdown = summary.as_markdown(name, evaluations, {caption: f"{CAPTIONS[caption]}.png" for caption in SHOWN})
    files.write_text(reports / "README.md", markdown)
    images = {split: files.read_labelled(prepared / f"{split}.npz")[0] for split in records.SPLITS}
    page = building.build(name, evaluations, images["test"], lists.of_test_images(evaluations))
    files.write_text(reports / "index.html", page)
    for model, seeds in evaluations.items():
        files.write_text(reports / "cards" / f"{model}.md", write_card(params, model, dataset, seeds))
    write_failures(reports / "failures", evaluations, tables.read_text_csv(duplicates), images)


def read(folder: Path, trainings: list[Training]) -> dict[int, Evaluation]:
    """Read the evaluations of one model by seed."""
    return {
        training.seed: records.from_arrays(files.read_arrays(folder / f"{training.name}.npz")) for training in trainings
    }


def draw(evaluations: Evaluations) -> list[Figure]:
    """Draw the pictures of `CAPTIONS`, in order; of several seeds, curves are the first's, all else is of all."""
    first = {name: next(iter(seeds.values())) for name, seeds in evaluations.items()}
    class_names = next(iter(first.values())).class_names
    recalls = {
        name: np.mean([evaluation.per_class["recall"] for evaluation in seeds.values()], axis=0)
        for name, seeds in evaluations.items()
    }
    confusions = {
        name: metrics.row_normalised(np.sum([evaluation.confusion for evaluation in seeds.values()], axis=0))
        for name, seeds in evaluations.items()
    }
    test = {name: _all_seeds(seeds) for name, seeds in evaluations.items()}
    return [
        curves.compare_curves({name: evaluation.history for name, evaluation in first.items()}),
        scores.compare_recall(recalls, class_names),
        scores.compare_confusions(confusions, class_names),
        trust.reliability({name: calibration.reliability(*predictions) for name, predictions in test.items()}),
        trust.coverage({name: calibration.coverage(*predictions) for name, predictions in test.items()}),
    ]


def _all_seeds(seeds: Mapping[int, Evaluation]) -> tuple[np.ndarray, np.ndarray]:
    """Put the test labels and probabilities of all seeds one after the other."""
    every = [evaluation.test for evaluation in seeds.values()]
    return np.concatenate([part.labels for part in every]), np.concatenate([part.probabilities for part in every])


def write_card(params: Params, model: str, dataset: dict[str, Any], seeds: Mapping[int, Evaluation]) -> str:
    """Write one model's card in Markdown."""
    training = {key: str(value) for key, value in leaves(params.models[model].train.model_dump())}
    machine = next(iter(seeds.values())).machine
    return card.as_markdown(model, dataset | {"name": params.fetch.dataset_name}, training, seeds, None, machine)


def write_failures(
    folder: Path, evaluations: Evaluations, duplicates: pd.DataFrame, images: Mapping[str, np.ndarray]
) -> None:
    """Write each list of failures as a table, and those of images as pictures too."""
    class_names = next(iter(next(iter(evaluations.values())).values())).class_names
    never, wrong = lists.never_right(evaluations), lists.label_errors_by_split(evaluations)
    made = {"never_right": never, "duplicates": duplicates}
    figures = {
        "never_right": failures.never_right(images["test"], never, class_names),
        "duplicates": failures.duplicates(images, duplicates, class_names),
    }
    for split, table in wrong.items():
        made[f"label_errors_{split}"] = table
        figures[f"label_errors_{split}"] = failures.label_errors(images[split], table, class_names)
    for name, evaluation in comparison.by_training(evaluations).items():
        found = lists.of_training(evaluation)
        made |= {f"{name}/{which}": table for which, table in found.items()}
        figures[f"{name}/least_certain"] = failures.least_certain(images["test"], found["least_certain"], class_names)
    for which, table in made.items():
        tables.write_csv(folder / f"{which}.csv", table)
    write_pictures({folder / f"{which}.png": figure for which, figure in figures.items()}, most=0)


def write_pictures(figures: Mapping[Path, Figure], most: float = 300_000) -> None:
    """Write figures as PNG."""
    for path, figure in figures.items():
        files.write_bytes(path, png.encode(figure, most))


def remove_others(folder: Path, kept: set[str]) -> None:
    """Remove what is no longer in params.yaml, so that `folder` has the same MD5 in every clone."""
    for path in folder.glob("*.npz"):
        if path.name not in kept:
            path.unlink()


if __name__ == "__main__":
    errors.run(main)
