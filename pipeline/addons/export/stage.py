"""Write one training's network for other runtimes: `export STAGE PREPARED MODELS EVALUATIONS EXPORTED REPORTS`."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import addons
from pipeline.addons.export import run, scoring
from pipeline.base import errors, files, processor
from pipeline.config import loading
from pipeline.data import arrays, choosing
from pipeline.network import saving, training
from pipeline.tracking import description, fingerprints, journals, sending

CALIBRATING = 300  # images of the training part, which tell the ranges of 8-bit integers
FILES = {"litert": "model.tflite", "litert_int8": "model.tflite", "onnx": "model.onnx"}


def main() -> None:
    """Write a file of each format and what it is worth, and append all of it to the training's run in MLflow."""
    stage, *folders = errors.arguments("STAGE PREPARED MODELS EVALUATIONS EXPORTED REPORTS")
    prepared, models, evaluations, exported, reports = map(Path, folders)
    params, name = loading.load(), stage.rpartition("@")[2]
    exported, reports, model_file = exported / name, reports / name, models / f"{name}.keras"
    kinds = params.section("export").formats
    require_packages(kinds)
    train, (test_images, labels) = (arrays.read(prepared / split) for split in ("train", "test"))
    model, told = saving.load(model_file), metadata(name, model_file, params.fetch.dataset_name, prepared)
    images = train[0][choosing.spread(len(train[1]), CALIBRATING)]
    of_keras = files.read_arrays(evaluations / f"{name}.npz")["test_probabilities"]

    predict = partial(training.predict, model)
    scores = {"keras": scoring.scores(labels, of_keras, of_keras, model_file.stat().st_size)}
    times = {"keras": scoring.times(predict, predict, test_images)}
    for kind in kinds:
        content = converted(kind, model, images, told)
        files.write_bytes(exported / kind / FILES[kind], content)
        one, many = (opened(kind, content, threads).predict for threads in (1, processor.threads()))
        scores[kind] = scoring.scores(labels, scoring.predictions(one, test_images), of_keras, len(content))
        times[kind] = scoring.times(one, many, test_images)
    found = {kind: scores[kind] | times[kind] for kind in scores}
    files.write_json(reports / "exports.json", {kind: scores[kind] for kind in kinds})
    files.write_text(reports / "exports.md", scoring.as_markdown(name, found))  # DVC does not know of it: it has times

    described = description.of_training(params, params.training(name), fingerprints.of_lock(f"train@{name}"))
    with sending.in_background(), journals.appended(described) as journal:
        run.add(journal, exported, reports, {kind: found[kind] for kind in kinds})


def require_packages(kinds: list[str]) -> None:
    """Raise `InputError` for a format whose packages are not installed."""
    if "onnx" in kinds:
        addons.require("export.formats: onnx", "export", "onnx", "tf2onnx", "onnxruntime")


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


def converted(kind: str, model: Any, images: np.ndarray, told: Mapping[str, str]) -> bytes:
    """Return the content of a format's file; `images`, uint8 of (n, height, width, channels), tell int8's ranges."""
    if kind == "onnx":
        from pipeline.addons.export import onnx  # here: its packages are optional

        return onnx.to_onnx(model, told)
    from pipeline.addons.export import litert

    return litert.described(litert.to_litert(model, images if kind == "litert_int8" else None), told)


def opened(kind: str, content: bytes, threads: int) -> Any:
    """Return the network of a format's file, loaded by a runtime of `runtimes`."""
    if kind == "onnx":
        from pipeline.addons.runtimes import onnx

        return onnx.Network(content, threads)
    from pipeline.addons.runtimes import litert

    return litert.Network(content, threads)


if __name__ == "__main__":
    errors.run(main)
