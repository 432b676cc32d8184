"""Write one training's network for other runtimes: `export STAGE PREPARED MODELS EVALUATIONS EXPORTED REPORTS`."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.addons.export import figure, run, scoring, table
from pipeline.addons.export.conversion import formats
from pipeline.base import errors, files, processor
from pipeline.config import loading
from pipeline.data import arrays, choosing
from pipeline.data.arrays import Labelled
from pipeline.figures import png
from pipeline.network import saving, training
from pipeline.tracking import description, fingerprints, journals, sending

CALIBRATING = 300  # images of the training part, which tell the ranges of 8-bit integers


def main() -> None:
    """Write each format's files and what they are worth, and append all of it to the training's run in MLflow."""
    stage, *folders = errors.arguments("STAGE PREPARED MODELS EVALUATIONS EXPORTED REPORTS")
    prepared, models, evaluations, exported, reports = map(Path, folders)
    params, name = loading.load(), stage.rpartition("@")[2]
    trained = params.training(name)
    model_file, evaluation_file = models / f"{name}.keras", evaluations / f"{name}.npz"
    exported, reports = exported / name, reports / name
    kinds = params.section("export").formats
    formats.require_packages(kinds)
    train, test = (arrays.read(prepared / split) for split in ("train", "test"))
    model, told = saving.load(model_file), metadata(name, model_file, params.fetch.dataset_name, prepared)
    images = train[0][choosing.spread(len(train[1]), CALIBRATING)]
    write(exported, kinds, model, images, told)
    of_keras = files.read_arrays(evaluation_file)["test_probabilities"]
    scores, times = measured(exported, kinds, test, of_keras)
    files.write_json(reports / "exports.json", scores)
    keras = scoring.scores(test[1], of_keras, of_keras, model_file.stat().st_size)
    keras |= scoring.times_of_tensorflow(partial(training.predict, model), test[0])
    found = {"keras": keras} | {kind: scores[kind] | times[kind] for kind in kinds}
    write_report(reports, name, found)

    fingerprint = fingerprints.of_lock(f"train@{name}")
    described = description.of_training(params, trained, fingerprint)
    with sending.in_background(), journals.appended(described) as journal:
        run.add(journal, exported, reports, {kind: scores[kind] | times[kind] for kind in kinds})


def metadata(name: str, model_file: Path, dataset: str, prepared: Path) -> dict[str, str]:
    """Say what each file carries inside: whose network it is, what goes in, what comes out."""
    described = files.read_json(prepared / "dataset.json")
    height, width, channels = described["image_shape"]
    return {
        "training": name,
        "model_md5": files.md5(model_file),
        "dataset": dataset,
        "dataset_md5": files.md5(prepared / "dataset.json"),
        "class_names": json.dumps(described["class_names"], ensure_ascii=False),
        "input": f"pixels: uint8 of (images, {height}, {width}, {channels}), 0 black to 255 white, as they are: "
        "the scaling is inside",
        "output": f"probabilities: float32 of (images, {len(described['class_names'])}), in the order of class_names",
    }


def write(folder: Path, kinds: list[Any], model: Any, images: np.ndarray, told: dict[str, str]) -> None:
    """Write a network in each format, in a folder of its own."""
    for kind in kinds:
        for file, content in formats.converted(kind, model, images, told).items():
            files.write_bytes(folder / kind / file, content)


def measured(
    folder: Path, kinds: list[Any], test: Labelled, of_keras: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score the files of each format on the whole test split, and time them."""
    scores, times = {}, {}
    for kind in kinds:
        size = sum(path.stat().st_size for path in (folder / kind).rglob("*") if path.is_file())
        open_with = partial(formats.opened, kind, folder / kind)
        probabilities = scoring.predictions(open_with(1).predict, test[0])
        scores[kind] = scoring.scores(test[1], probabilities, of_keras, size)
        if kind == "saved_model":
            times[kind] = scoring.times_of_tensorflow(open_with(1).predict, test[0])
        else:
            times[kind] = scoring.times(open_with, test[0])
    return scores, times


def write_report(folder: Path, name: str, found: dict[str, Any]) -> None:
    """Write the table and the picture that hold times, which DVC does not know of: they are others each time."""
    files.write_bytes(folder / "exports.png", png.encode(figure.worth(found)))
    files.write_text(folder / "exports.md", table.as_markdown(name, found, processor.name()))


if __name__ == "__main__":
    errors.run(main)
