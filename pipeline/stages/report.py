"""Compare every model of params.yaml: `report EVALUATIONS_FOLDER REPORT_FOLDER`."""

from pathlib import Path

from matplotlib.figure import Figure

from pipeline.base import errors, files
from pipeline.config import loading
from pipeline.evaluation import comparison, metrics, records
from pipeline.figures import curves, png, scores

CAPTIONS = {"Learning curves": "curves", "Recall of each class": "recall", "Confusion matrices": "confusion"}


def main() -> None:
    """Write the comparison as README.md, index.html and pictures; evaluations of models no longer there go."""
    folder, reports = map(Path, errors.arguments("EVALUATIONS_FOLDER REPORT_FOLDER"))
    params = loading.load()
    paths = {name: folder / f"{name}.npz" for name in params.models}
    evaluations = {name: records.from_arrays(files.read_arrays(path)) for name, path in paths.items()}
    remove_others(folder, {path.name for path in paths.values()})
    pictures = {caption: reports / f"{file}.png" for caption, file in CAPTIONS.items()}
    for path, figure in zip(pictures.values(), draw(evaluations), strict=True):
        files.write_bytes(path, png.encode(figure))
    dataset = params.fetch.dataset_name
    markdown = comparison.as_markdown(dataset, evaluations, {caption: path.name for caption, path in pictures.items()})
    files.write_text(reports / "README.md", markdown)
    contents = {caption: path.read_bytes() for caption, path in pictures.items()}
    files.write_text(reports / "index.html", comparison.as_html(dataset, evaluations, contents))


def draw(evaluations: comparison.Evaluations) -> list[Figure]:
    """Draw the pictures of `CAPTIONS`, in order."""
    class_names = next(iter(evaluations.values())).class_names
    histories = {name: evaluation.history for name, evaluation in evaluations.items()}
    recalls = {name: evaluation.per_class["recall"] for name, evaluation in evaluations.items()}
    confusions = {name: metrics.row_normalised(evaluation.confusion) for name, evaluation in evaluations.items()}
    return [
        curves.compare_curves(histories),
        scores.compare_recall(recalls, class_names),
        scores.compare_confusions(confusions, class_names),
    ]


def remove_others(folder: Path, kept: set[str]) -> None:
    """Remove what a model taken out of params.yaml left behind, so that `folder` has the same MD5 in every clone."""
    for path in folder.glob("*.npz"):
        if path.name not in kept:
            path.unlink()


if __name__ == "__main__":
    errors.run(main)
