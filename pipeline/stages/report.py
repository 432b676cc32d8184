"""Compare every model of params.yaml: `report EVALUATIONS_FOLDER REPORT_FOLDER`."""

from pathlib import Path

from matplotlib.figure import Figure

from pipeline import comparison, curves, errors, files, metrics, params, plots, png


def main() -> None:
    """Write the comparison as README.md, index.html and pictures; evaluations of models no longer there go."""
    evaluations_folder, reports = map(Path, errors.arguments("EVALUATIONS_FOLDER REPORT_FOLDER"))
    settings = params.load()
    evaluations = {name: files.read_arrays(evaluations_folder / f"{name}.npz") for name in settings.models}
    remove_others(evaluations_folder, {f"{name}.npz" for name in settings.models})
    pictures = {caption: reports / f"{file}.png" for caption, file in CAPTIONS.items()}
    for path, figure in zip(pictures.values(), draw(evaluations), strict=True):
        files.write_bytes(path, png.encode(figure))
    dataset = settings.fetch.dataset_name
    markdown = comparison.as_markdown(dataset, evaluations, {caption: path.name for caption, path in pictures.items()})
    files.write_text(reports / "README.md", markdown)
    contents = {caption: path.read_bytes() for caption, path in pictures.items()}
    files.write_text(reports / "index.html", comparison.as_html(dataset, evaluations, contents))


CAPTIONS = {"Learning curves": "curves", "Recall of each class": "recall", "Confusion matrices": "confusion"}


def draw(evaluations: comparison.Evaluations) -> list[Figure]:
    """Draw the pictures of `CAPTIONS`, in order."""
    class_names = next(iter(evaluations.values()))["class_names"].tolist()
    pairs = {name: (e["test_labels"], e["test_probabilities"]) for name, e in evaluations.items()}
    histories = {
        name: {key.removeprefix("history_"): values for key, values in e.items() if key.startswith("history_")}
        for name, e in evaluations.items()
    }
    recalls = {name: metrics.per_class(*pair)["recall"] for name, pair in pairs.items()}
    confusions = {name: metrics.row_normalised(metrics.confusion(*pair)) for name, pair in pairs.items()}
    return [
        curves.compare_curves(histories),
        plots.compare_recall(recalls, class_names),
        plots.compare_confusions(confusions, class_names),
    ]


def remove_others(folder: Path, kept: set[str]) -> None:
    """Remove what a model taken out of params.yaml left behind, so that `folder` has the same MD5 in every clone."""
    for path in folder.glob("*.npz"):
        if path.name not in kept:
            path.unlink()


if __name__ == "__main__":
    errors.run(main)
