"""Score one training: `evaluate STAGE PREPARED MODELS EVALUATIONS REPORTS`, as `evaluate@vgg-42`."""

import hashlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from pipeline import addons
from pipeline.base import errors, files, processor, tables
from pipeline.config import loading
from pipeline.config.models import Augmentation
from pipeline.data import arrays, choosing
from pipeline.data.arrays import LabelledRows
from pipeline.evaluation import metrics, records
from pipeline.evaluation.extending import Findings, Subject
from pipeline.evaluation.records import Evaluation, Picture, Predictions
from pipeline.figures import curves, gallery, png, scores
from pipeline.network import saving, training
from pipeline.network.augmentation import augment
from pipeline.tracking import description, fingerprints, journals, sending

if TYPE_CHECKING:
    import keras  # for real it comes with the network, quietly

GAP = 0.1  # between the accuracy of the last epoch and the scored one
FULL_COLOUR = ("learning_curves", "confusion_matrix")  # 256 colours are enough for the other pictures


def main() -> None:
    """Write every prediction, what follows from them and pictures, and append it to the training's run in MLflow."""
    stage, *folders = errors.arguments("STAGE PREPARED MODELS EVALUATIONS REPORTS")
    prepared, models, evaluations, reports = map(Path, folders)
    params, name = loading.load(), stage.rpartition("@")[2]
    trained = params.training(name)
    model_file, evaluation_file, reports = models / f"{name}.keras", evaluations / f"{name}.npz", reports / name
    augmentation = params.models[trained.model].train.augmentation
    fingerprint = fingerprints.of_lock(f"train@{name}")
    fingerprints.require_unchanged(f"train@{name}", fingerprint, "since it ran")
    class_names = files.read_json(prepared / "dataset.json")["class_names"]
    splits = {split: arrays.read(prepared / split) for split in records.SPLITS}
    images, test_images = splits["train"][0], splits["test"][0]
    model = saving.load(model_file)
    predicted = {split: predict(model, some) for split, some in scored(splits).items()}
    test = predicted["test"]
    seconds = seconds_per_image(model, test_images)
    found = findings(Subject(params, model, test_images, test, class_names))
    drawn = {key: (caption, encode(key, figure)) for one in found for key, (caption, figure) in one.figures.items()}
    both_ways = bool(augmentation and augmentation.horizontal_flip)
    evaluation = Evaluation(
        class_names=class_names,
        parameters=model.count_params(),
        model_bytes=model_file.stat().st_size,
        history=tables.read_csv(reports / "history.csv"),
        splits=predicted,
        mirrored=predict_mirrored(model, test_images, test) if both_ways else None,
        metrics={key: value for one in found for key, value in one.metrics.items()},
        tables={key: table for one in found for key, table in one.tables.items()},
        pictures=[Picture(key, caption, md5(content)) for key, (caption, content) in drawn.items()],
        machine=processor.machine(),
    )
    figures = {
        "augmented": gallery.augmented(images[0], augmentations(images[0], augmentation, trained.seed)),
        **draw(evaluation, test_images),
    }
    pictures = {key: encode(key, figure) for key, figure in figures.items()}
    pictures |= {key: content for key, (_, content) in drawn.items()}
    made = [*write_tables(reports, evaluation), *write_pictures(reports, pictures)]
    files.write_arrays(evaluation_file, records.to_arrays(evaluation))

    described = description.of_training(params, trained, fingerprint)
    with sending.in_background(), journals.appended(described) as journal:
        journal.log_history(evaluation.history)
        journal.attach_training(model_file, [reports / "layers.csv", reports / "history.csv", *made])
        journal.log_metrics(metrics.loggable(evaluation.all_scores))
        journal.log_metrics({"test": {"seconds_per_image": seconds}})  # another each time, so no file holds it
    warn_of_gap(name, evaluation)
    print(f"{name}: test accuracy {evaluation.scores['test']['accuracy']:.4f}")


def scored(splits: Mapping[str, LabelledRows]) -> dict[str, LabelledRows]:
    """Choose the images that are scored, of the splits that have any."""
    images, labels = splits["train"]
    some = choosing.spread(len(labels), records.TRAIN_IMAGES)
    chosen = {**splits, "train": (arrays.Rows(images, some), labels[some])}
    return {split: labelled for split, labelled in chosen.items() if len(labelled[1])}


def predict(model: "keras.Model", labelled: LabelledRows) -> Predictions:
    """Predict the images of one split."""
    images, labels = labelled
    return Predictions(labels, training.predict(model, images))


def warn_of_gap(name: str, evaluation: Evaluation) -> None:
    """Say so where a network is far worse on its training images than its last epoch was with them."""
    last, scored = evaluation.history["train_accuracy"].iloc[-1], evaluation.scores["train"]["accuracy"]
    if scored < last - GAP:
        print(
            f"warning: {name} is right about {scored:.2f} of its training images, where its last epoch had {last:.2f}: "
            "what batch norm averages may lag behind; lower batch_norm_momentum, or train more steps",
            file=sys.stderr,
        )


def seconds_per_image(model: "keras.Model", images: np.ndarray) -> float:
    """Measure what a prediction takes, with the first 1,000 images at most, by a model that has predicted before."""
    images = images[:1000]
    started = time.perf_counter()
    training.predict(model, images)
    return (time.perf_counter() - started) / len(images)


def predict_mirrored(model: "keras.Model", images: np.ndarray, predictions: Predictions) -> np.ndarray:
    """Return the mean of the predicted probabilities and of those for each image's mirror image, (n, classes)."""
    mean: np.ndarray = (predictions.probabilities + training.predict(model, images[:, :, ::-1])) / 2
    return mean


def findings(subject: Subject) -> list[Findings]:
    """Return what each add-on's evaluator finds."""
    return [module.evaluate(subject) for module in addons.modules("evaluator").values()]


def md5(content: bytes) -> str:
    """Return the MD5 of a file's bytes, by which the report notices that a picture has changed."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def augmentations(image: np.ndarray, augmentation: Augmentation | None, seed: int) -> np.ndarray | None:
    """Return 100 augmentations of an image, or None for a model that is trained on images as they are."""
    if augmentation is None:
        return None
    changed: np.ndarray = augment(np.repeat(image[None], 100, axis=0), augmentation, [seed, 0]).numpy()
    return changed


def draw(evaluation: Evaluation, images: np.ndarray) -> dict[str, Figure]:
    """Draw, by name, how training went and what the model makes of the test images."""
    names, test, counts = evaluation.class_names, evaluation.test, evaluation.confusion
    accuracies = {split: evaluation.scores[split]["accuracy"] for split in evaluation.splits}
    return {
        "learning_curves": curves.learning_curves(evaluation.history),
        "prediction": gallery.prediction(images, test.labels, test.probabilities, names),
        "accuracies": scores.accuracies(accuracies),
        "confusion_matrix": scores.confusion(counts, metrics.row_normalised(counts), names),
    }


def write_tables(folder: Path, evaluation: Evaluation) -> list[Path]:
    """Write metrics.json, predictions, per-class figures and the confusion matrix, and list the files for MLflow."""
    files.write_json(metrics_file := folder / "metrics.json", evaluation.scores)
    made = {
        folder / "predictions.csv": records.predictions_table(evaluation),
        folder / "per_class.csv": records.per_class_table(evaluation),
        folder / "confusion_matrix.csv": records.confusion_table(evaluation),
    }
    for path, table in made.items():
        tables.write_csv(path, table)
    return [metrics_file, *made]


def encode(name: str, figure: Figure) -> bytes:
    """Draw a figure as a PNG file."""
    return png.encode(figure) if name in FULL_COLOUR else png.encode(figure, most=0)


def write_pictures(folder: Path, pictures: Mapping[str, bytes]) -> list[Path]:
    """Write PNG files by name and list them for MLflow."""
    for name, content in pictures.items():
        files.write_bytes(folder / f"{name}.png", content)
    return [folder / f"{name}.png" for name in pictures]


if __name__ == "__main__":
    errors.run(main)
