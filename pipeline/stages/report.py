"""Compare every model of params.yaml: `report EVALUATIONS_FOLDER PREPARED_FOLDER DUPLICATES REPORT_FOLDER`."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.addons.cards import card
from pipeline.addons.page import building
from pipeline.addons.robustness import corruptions
from pipeline.addons.robustness import figure as robustness
from pipeline.base import errors, files, tables
from pipeline.config import loading
from pipeline.config.schema import Params, Training
from pipeline.config.section import leaves
from pipeline.data import arrays
from pipeline.evaluation import calibration, comparison, lists, metrics, records, summary
from pipeline.evaluation.comparison import Evaluations
from pipeline.evaluation.records import Evaluation
from pipeline.figures import calibration as trust
from pipeline.figures import curves, failures, png, scores
from pipeline.tracking import views

WRONG = {
    "validation": "Labels of the validation part that are likely wrong",
    "train": "Labels of the training part that are likely wrong",
}
LEARNT = {
    "filters": "The kernels of its first convolution",
    "features": "What each block makes of a test image",
    "gradcam": "What speaks for its surest right and wrong answers (Grad-CAM)",
}


def main() -> None:
    """Write README.md, index.html, models.json, pictures, lists of failures, model cards; other evaluations go."""
    folder, prepared, duplicates, reports = map(
        Path, errors.arguments("EVALUATIONS_FOLDER PREPARED_FOLDER DUPLICATES REPORT_FOLDER")
    )
    params, dataset = loading.load(), files.read_json(prepared / "dataset.json")
    remove_others(folder, params)
    evaluations = {model: read(folder, params.trainings_of(model)) for model in params.models}
    stored = {split: arrays.read(prepared / split) for split in records.SPLITS}
    images = {split: labelled[0] for split, labelled in stored.items()}
    named = {split: arrays.names(prepared / split) for split in records.SPLITS}
    names = {split: found for split, found in named.items() if found is not None}
    write_pictures({reports / f"{name}.png": figure for name, figure in draw(evaluations).items()})
    held_out = cross_validated(folder / "cross_validated", params)
    failed = lists.by_split(evaluations, stored["train"][1], held_out)
    files.write_text(reports / "README.md", summary.as_markdown(params, evaluations, failed))
    files.write_json(reports / "models.json", {name: headline(seeds) for name, seeds in evaluations.items()})
    for model, seeds in evaluations.items():
        training = {key: str(value) for key, value in leaves(params.models[model].train.model_dump())}
        files.write_text(reports / "cards" / f"{model}.md", card.as_markdown(model, dataset, training, seeds))
    twice = lists.of_files(tables.read_text_csv(duplicates), names)
    write_failures(reports / "failures", failed, twice, images, names, dataset["class_names"])
    if params.evaluate.robustness_images:
        write_robustness(reports / "failures", evaluations, images["test"])
    found, shown = lists.titled(failed["test"]), pictures(reports / "failures", evaluations, failed)
    files.write_text(reports / "index.html", building.build(params, evaluations, images["test"], found, shown))
    print(f"The report: {reports}/index.html\nMLflow:     {views.known_address(params.fetch.dataset_name)}")


def read(folder: Path, trainings: list[Training]) -> dict[int, Evaluation]:
    """Read the evaluations of one model by seed."""
    return {
        training.seed: records.from_arrays(files.read_arrays(folder / f"{training.name}.npz")) for training in trainings
    }


def cross_validated(folder: Path, params: Params) -> list[np.ndarray]:
    """Read the probabilities of the training images by networks that have not seen them, (n, classes) a model."""
    found = []
    for model in params.cross_validated:
        folds = [files.read_arrays(path) for path in sorted((folder / model).glob("*.npz"))]
        order = np.argsort(np.concatenate([fold["images"] for fold in folds]))
        found.append(np.concatenate([fold["probabilities"] for fold in folds])[order])
    return found


def pictures(failures: Path, evaluations: Evaluations, splits: Iterable[str]) -> dict[str, dict[str, bytes]]:
    """Gather PNG files for the page, by title and caption: of images that are listed, and of what networks learnt."""
    listed = {WRONG[split]: f"label_errors_{split}" for split in splits if split != "test"}
    listed["Images that are there twice"] = "duplicates"
    galleries = {caption: (failures / f"{name}.png").read_bytes() for caption, name in listed.items()}
    first = {model: next(iter(seeds.values())) for model, seeds in evaluations.items()}
    return {"Labels and images to look at": galleries} | {
        f"What {model} has learnt": {caption: evaluation.pictures[name] for name, caption in LEARNT.items()}
        for model, evaluation in first.items()
    }


def headline(seeds: Mapping[int, Evaluation]) -> dict[str, Any]:
    """Return what DVC's tables show of one model: accuracy on the test split, the mean over all seeds, and its size.

    Of several seeds, `together` holds the test scores of their networks together.
    """
    every = list(seeds.values())
    accuracy = np.mean([evaluation.scores["test"]["accuracy"] for evaluation in every])
    found = {"accuracy": round(float(accuracy), metrics.DECIMALS), "parameters": every[0].parameters}
    return found | ({"together": records.together_scores(every)} if len(every) > 1 else {})


def draw(evaluations: Evaluations) -> dict[str, Figure]:
    """Draw what compares all models, by name; of several seeds, curves are the first's, all else is of all."""
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
    return {
        "curves": curves.compare_curves({name: evaluation.history for name, evaluation in first.items()}),
        "recall": scores.compare_recall(recalls, class_names),
        "confusion": scores.compare_confusions(confusions, class_names),
        "reliability": trust.reliability(
            {name: calibration.reliability(*predicted) for name, predicted in test.items()}
        ),
        "coverage": trust.coverage({name: calibration.coverage(*predicted) for name, predicted in test.items()}),
    }


def _all_seeds(seeds: Mapping[int, Evaluation]) -> tuple[np.ndarray, np.ndarray]:
    """Put the test labels and probabilities of all seeds one after the other."""
    every = [evaluation.test for evaluation in seeds.values()]
    return np.concatenate([part.labels for part in every]), np.concatenate([part.probabilities for part in every])


def write_failures(
    folder: Path,
    failed: Mapping[str, Mapping[str, pd.DataFrame]],
    duplicates: pd.DataFrame,
    images: Mapping[str, np.ndarray],
    names: Mapping[str, np.ndarray],
    class_names: list[str],
) -> None:
    """Write each list of failures as a table, and most of those of images as pictures too; `names` are of files."""
    tables.write_csv(folder / "duplicates.csv", duplicates)
    figures = {folder / "duplicates.png": failures.duplicates(images, duplicates, class_names)}
    for split, found in failed.items():
        for file, table in found.items():
            tables.write_csv(folder / f"{file}.csv", lists.of_files(table, names, split))
            kind = file.rpartition("/")[2].removesuffix(f"_{split}")
            if kind in failures.LISTS:
                figures[folder / f"{file}.png"] = failures.listed(kind, images[split], table, class_names)
    write_pictures(figures, most=0)


def write_robustness(folder: Path, evaluations: Evaluations, images: np.ndarray) -> None:
    """Write the accuracies on spoilt images as a table and as curves, and one image spoilt in every way."""
    by_model = {
        model: found for model, seeds in evaluations.items() if (found := comparison.robustness(seeds)) is not None
    }
    tables.write_csv(folder / "robustness.csv", pd.concat(by_model, names=["model"]).reset_index("model"))
    write_pictures({folder / "robustness.png": robustness.compare(by_model)})
    spoilt, captions = corruptions.every(images[:1])
    write_pictures({folder / "corruptions.png": failures.corruptions(spoilt, captions)}, most=0)


def write_pictures(figures: Mapping[Path, Figure], most: float = 300_000) -> None:
    """Write figures as PNG."""
    for path, figure in figures.items():
        files.write_bytes(path, png.encode(figure, most))


def remove_others(folder: Path, params: Params) -> None:
    """Remove what is no longer in params.yaml, so that `folder` has the same MD5 in every clone."""
    kept = [training.name for training in params.trainings]
    for path in [path for path in folder.glob("*.npz") if path.stem not in kept]:
        path.unlink()
    for path in [path for path in folder.glob("cross_validated/*") if path.name not in params.cross_validated]:
        shutil.rmtree(path)


if __name__ == "__main__":
    errors.run(main)
