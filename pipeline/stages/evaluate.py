"""Score one training: `evaluate STAGE PREPARED MODELS EVALUATIONS REPORTS`, as `evaluate@vgg-42`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

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


def main() -> None:
    """Write every prediction, what follows from them and pictures, and append it to the training's run in MLflow."""
    stage, *folders = errors.arguments("STAGE PREPARED MODELS EVALUATIONS REPORTS")
    prepared, models, evaluations, reports = map(Path, folders)
    params, name = loading.load(), stage.rpartition("@")[2]
    trained, model_file, reports = params.training(name), models / f"{name}.keras", reports / name
    fingerprint = fingerprints.of_lock(f"train@{name}")
    fingerprints.require_unchanged(f"train@{name}", fingerprint, "since it ran")
    class_names = files.read_json(prepared / "dataset.json")["class_names"]
    splits = {split: arrays.read(prepared / split) for split in records.SPLITS}
    images, test_images = splits["train"][0], splits["test"][0]
    network = saving.load(model_file)
    predicted = {
        split: Predictions(labels, training.predict(network, some)) for split, (some, labels) in scored(splits).items()
    }
    found = findings(Subject(params, network, test_images, predicted["test"], class_names))
    drawn = {key: png.encode(one.figure) for key, one in found.figures.items()}
    evaluation = Evaluation(
        class_names=class_names,
        parameters=network.count_params(),
        model_bytes=model_file.stat().st_size,
        history=tables.read_csv(reports / "history.csv"),
        splits=predicted,
        metrics=found.metrics,
        tables=found.tables,
        pictures=[
            Picture(key, one.caption, hashlib.md5(drawn[key], usedforsecurity=False).hexdigest())
            for key, one in found.figures.items()
        ],
        machine=processor.machine(),
    )
    changed = augmentations(images[0], params.models[trained.model].train.augmentation, trained.seed)
    figures = {"augmented": gallery.augmented(images[0], changed), **draw(evaluation)}
    pictures = {key: png.encode(figure) for key, figure in figures.items()} | drawn
    made = write(reports, evaluation, pictures)
    files.write_arrays(evaluations / f"{name}.npz", records.to_arrays(evaluation))

    described = description.of_training(params, trained, fingerprint)
    with sending.in_background(), journals.appended(described) as journal:
        journal.log_history(evaluation.history)
        journal.attach_training(model_file, [reports / "layers.csv", reports / "history.csv", *made])
        journal.log_metrics(metrics.loggable(evaluation.all_scores))
    print(f"{name}: test accuracy {evaluation.scores['test']['accuracy']:.4f}")


def scored(splits: Mapping[str, LabelledRows]) -> dict[str, LabelledRows]:
    """Choose the images that are scored, of the splits that have any."""
    images, labels = splits["train"]
    some = choosing.spread(len(labels), records.TRAIN_IMAGES)
    chosen = {**splits, "train": (arrays.Rows(images, some), labels[some])}
    return {split: labelled for split, labelled in chosen.items() if len(labelled[1])}


def findings(subject: Subject) -> Findings:
    """Return what the evaluators of all add-ons find."""
    every: list[Findings] = [module.evaluate(subject) for module in addons.modules("evaluator").values()]
    return Findings(
        metrics={name: value for found in every for name, value in found.metrics.items()},
        tables={name: table for found in every for name, table in found.tables.items()},
        figures={name: drawn for found in every for name, drawn in found.figures.items()},
    )


def augmentations(image: np.ndarray, augmentation: Augmentation | None, seed: int) -> np.ndarray | None:
    """Return 100 augmentations of an image, or None for a model that is trained on images as they are."""
    if augmentation is None:
        return None
    changed: np.ndarray = augment(np.repeat(image[None], 100, axis=0), augmentation, [seed, 0]).numpy()
    return changed


def draw(evaluation: Evaluation) -> dict[str, Figure]:
    """Draw, by name, how training went and which classes the network confuses."""
    counts = evaluation.confusion
    return {
        "learning_curves": curves.learning_curves(evaluation.history),
        "confusion_matrix": scores.confusion(counts, metrics.row_normalised(counts), evaluation.class_names),
    }


def write(folder: Path, evaluation: Evaluation, pictures: Mapping[str, bytes]) -> list[Path]:
    """Write metrics.json, tables and PNG files, and list them for MLflow."""
    files.write_json(folder / "metrics.json", evaluation.scores)
    by_name = {
        "predictions.csv": records.predictions_table(evaluation),
        "per_class.csv": records.per_class_table(evaluation),
        "confusion_matrix.csv": metrics.cells(evaluation.confusion, evaluation.class_names).round(metrics.DECIMALS),
    }
    for name, table in by_name.items():
        tables.write_csv(folder / name, table)
    for name, content in pictures.items():
        files.write_bytes(folder / f"{name}.png", content)
    return [folder / name for name in ("metrics.json", *by_name, *(f"{name}.png" for name in pictures))]


if __name__ == "__main__":
    errors.run(main)
