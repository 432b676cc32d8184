"""Score one model: `evaluate MODEL PREPARED_FOLDER MODEL_FILE EVALUATION_FILE REPORT_FOLDER`."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipeline import diagram, errors, files, fingerprint, gallery, journal, metrics, params, plots, png, quiet, runs
from pipeline.schema import Augmentation


def main() -> None:
    """Write every prediction, what follows from them and pictures, and append it to the model's run in MLflow."""
    name, *paths = errors.arguments("MODEL PREPARED_FOLDER MODEL_FILE EVALUATION_FILE REPORT_FOLDER")
    prepared, model_file, evaluation_file, reports = map(Path, paths)
    settings = params.load()
    network = settings.model(name)
    trained_on = fingerprint.of_lock(f"train@{name}")
    fingerprint.require(f"train@{name}", trained_on)
    class_names = files.read_json(prepared / "dataset.json")["class_names"]
    quiet.import_tensorflow()
    from pipeline import models, store, training  # here, so that bad params are refused at once

    model, history = models.load(model_file), files.read_csv(reports / "history.csv")
    evaluation = {"class_names": np.array(class_names), "parameters": np.array(model.count_params())}
    evaluation["model_bytes"] = np.array(model_file.stat().st_size)
    evaluation |= {f"history_{column}": np.array(values) for column, values in history.items()}
    splits = {split: files.read_labelled(prepared / f"{split}.npz") for split in ("train", "validation", "test")}
    for split, (images, labels) in splits.items():
        if len(labels):
            evaluation |= {f"{split}_labels": labels, f"{split}_probabilities": training.predict(model, images)}
    if network.train.augmentation and network.train.augmentation.horizontal_flip:
        mirrored = training.predict(model, splits["test"][0][:, :, ::-1])
        evaluation["test_mirrored_probabilities"] = (evaluation["test_probabilities"] + mirrored) / 2
    scores = metrics.scores(evaluation)
    augmentations = augment(splits["train"][0][0], network.train.augmentation, settings.seed)
    figures = {"network": diagram.network(models.layer_table(model)), **draw(splits, augmentations, evaluation, scores)}
    made = [*write_reports(reports, evaluation, scores), *write_pictures(reports, figures)]
    files.write_arrays(evaluation_file, evaluation)

    data = store.dataset(settings.fetch.dataset_name, prepared / "train.npz", splits["train"])
    outs = [reports / file for file in ("layers.csv", "history.csv", "learning_curves.png")]
    with store.sending(), journal.appended(runs.facts(settings, name, trained_on, data)) as record:
        record.log_history(history)
        record.attach_training(model_file, splits["train"][0], [*outs, *made])
        record.log_scores(metrics.loggable(scores))
    print(f"{name}: test accuracy {scores['test']['accuracy']:.4f}")


def write_reports(folder: Path, evaluation: files.Arrays, scores: dict[str, Any]) -> list[Path]:
    """Write metrics.json, predictions, per-class figures and the confusion matrix, and list the files for MLflow."""
    labels, probabilities = evaluation["test_labels"], evaluation["test_probabilities"]
    class_names = evaluation["class_names"]
    counts = metrics.confusion(labels, probabilities)
    normalised = metrics.row_normalised(counts)
    files.write_json(folder / "metrics.json", scores)
    predictions = {"label": class_names[labels], "prediction": class_names[probabilities.argmax(axis=1)]}
    by_class = {name: probabilities[:, index].astype(float).round(6) for index, name in enumerate(class_names)}
    files.write_csv(
        folder / "predictions.csv", predictions | {f"p({name})": values for name, values in by_class.items()}
    )
    rows = {name: values.round(6) for name, values in metrics.per_class(labels, probabilities).items()}
    files.write_csv(folder / "per_class.csv", {"class": class_names} | rows)
    true, predicted = (class_names[indices.ravel()] for indices in np.indices(counts.shape))
    cells = {"true": true, "predicted": predicted, "images": counts.ravel(), "share": normalised.ravel().round(6)}
    files.write_csv(folder / "confusion_matrix.csv", cells)
    figure = plots.confusion(counts, normalised, class_names.tolist())
    files.write_bytes(folder / "confusion_matrix.png", png.encode(figure))
    made = ("metrics.json", "predictions.csv", "per_class.csv", "confusion_matrix.csv", "confusion_matrix.png")
    return [folder / name for name in made]


def augment(image: np.ndarray, settings: Augmentation | None, seed: int) -> np.ndarray | None:
    """Return 100 augmentations of an image, or None for a model that is trained on images as they are."""
    if settings is None:
        return None
    from pipeline import augmentation  # here, since it imports TensorFlow

    changed: np.ndarray = augmentation.augment(np.repeat(image[None], 100, axis=0), settings, [seed, 0]).numpy()
    return changed


def draw(
    splits: dict[str, files.Labelled],
    augmentations: np.ndarray | None,
    evaluation: files.Arrays,
    scores: dict[str, Any],
) -> dict[str, Figure]:
    """Draw, by name, what the model learns from, what it makes of the test images, and its accuracies."""
    tested = *splits["test"], evaluation["test_probabilities"], evaluation["class_names"].tolist()
    return {
        "augmented": gallery.augmented(splits["train"][0][0], augmentations),
        "prediction": gallery.prediction(*tested),
        "mistakes": gallery.mistakes(*tested),
        "accuracies": plots.accuracies({split: scores[split]["accuracy"] for split in splits if split in scores}),
    }


def write_pictures(folder: Path, figures: dict[str, Figure]) -> list[Path]:
    """Write figures as PNG of 256 colours, which is enough for them, and list the files for MLflow."""
    paths = [folder / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        files.write_bytes(path, png.encode(figure, most=0))
    return paths


if __name__ == "__main__":
    errors.run(main)
