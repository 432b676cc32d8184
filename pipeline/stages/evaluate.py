"""Score one model: `evaluate MODEL PREPARED_FOLDER MODEL_FILE EVALUATION_FILE REPORT_FOLDER`."""

from pathlib import Path

import numpy as np

from pipeline import errors, files, fingerprint, journal, metrics, params, plots, quiet, runs


def main() -> None:
    """Write every prediction and what follows from them, and append it to the model's run in MLflow."""
    name, *paths = errors.arguments("MODEL PREPARED_FOLDER MODEL_FILE EVALUATION_FILE REPORT_FOLDER")
    prepared, model_file, evaluation_file, reports = map(Path, paths)
    settings = params.load()
    settings.model(name)
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
        evaluation |= {f"{split}_labels": labels, f"{split}_probabilities": training.predict(model, images)}
    scores = metrics.scores(evaluation)
    made = write_reports(reports, evaluation, scores)
    files.write_arrays(evaluation_file, evaluation)

    data = store.dataset(settings.fetch.dataset, prepared / "train.npz", splits["train"])
    outs = [reports / file for file in ("layers.csv", "history.csv", "learning_curves.png")]
    with store.sending(), journal.appended(runs.facts(settings, name, trained_on, data)) as record:
        record.log_history(history)
        record.attach_training(model_file, splits["train"][0], [*outs, *made])
        record.log_scores(scores)
    print(f"{name}: test accuracy {scores['test']['accuracy']:.4f}")


def write_reports(folder: Path, evaluation: files.Arrays, scores: dict[str, object]) -> list[Path]:
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
    files.write_figure(folder / "confusion_matrix.png", plots.confusion(counts, normalised, class_names.tolist()))
    made = ("metrics.json", "predictions.csv", "per_class.csv", "confusion_matrix.csv", "confusion_matrix.png")
    return [folder / name for name in made]


if __name__ == "__main__":
    errors.run(main)
