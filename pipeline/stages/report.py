"""Compare every model of params.yaml: `report EVALUATIONS_FOLDER REPORT_FOLDER`."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pipeline.base import errors, files
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.evaluation import comparison, metrics, records
from pipeline.evaluation.records import Evaluation
from pipeline.figures import curves, png, scores

CAPTIONS = {"Learning curves": "curves", "Recall of each class": "recall", "Confusion matrices": "confusion"}


def main() -> None:
    """Write the comparison as README.md, index.html and pictures; evaluations of trainings no longer there go."""
    folder, reports = map(Path, errors.arguments("EVALUATIONS_FOLDER REPORT_FOLDER"))
    params = loading.load()
    remove_others(folder, {f"{training.name}.npz" for training in params.trainings})
    evaluations = {model: read(folder, params.trainings_of(model)) for model in params.models}
    pictures = {caption: reports / f"{file}.png" for caption, file in CAPTIONS.items()}
    for path, figure in zip(pictures.values(), draw(evaluations), strict=True):
        files.write_bytes(path, png.encode(figure))
    dataset = params.fetch.dataset_name
    markdown = comparison.as_markdown(dataset, evaluations, {caption: path.name for caption, path in pictures.items()})
    files.write_text(reports / "README.md", markdown)
    contents = {caption: path.read_bytes() for caption, path in pictures.items()}
    files.write_text(reports / "index.html", comparison.as_html(dataset, evaluations, contents))


def read(folder: Path, trainings: list[Training]) -> dict[int, Evaluation]:
    """Read the evaluations of one model by seed."""
    return {
        training.seed: records.from_arrays(files.read_arrays(folder / f"{training.name}.npz")) for training in trainings
    }


def draw(evaluations: comparison.Evaluations) -> list[Figure]:
    """Draw the pictures of `CAPTIONS`, in order; of several seeds, curves are the first's, all else is the mean."""
    first = {name: next(iter(seeds.values())) for name, seeds in evaluations.items()}
    class_names = next(iter(first.values())).class_names
    histories = {name: evaluation.history for name, evaluation in first.items()}
    recalls = {
        name: np.mean([evaluation.per_class["recall"] for evaluation in seeds.values()], axis=0)
        for name, seeds in evaluations.items()
    }
    confusions = {
        name: metrics.row_normalised(np.sum([evaluation.confusion for evaluation in seeds.values()], axis=0))
        for name, seeds in evaluations.items()
    }
    return [
        curves.compare_curves(histories),
        scores.compare_recall(recalls, class_names),
        scores.compare_confusions(confusions, class_names),
    ]


def remove_others(folder: Path, kept: set[str]) -> None:
    """Remove what is no longer in params.yaml, so that `folder` has the same MD5 in every clone."""
    for path in folder.glob("*.npz"):
        if path.name not in kept:
            path.unlink()


if __name__ == "__main__":
    errors.run(main)
