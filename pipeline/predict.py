"""Tell what pictures show, by a trained model: `python -m pipeline.predict IMAGE... [--model NAME]`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import errors, files, fingerprint, params, pictures, quiet
from pipeline.errors import InputError

DATASET = Path("data/prepared/dataset.json")
LOCK = Path("dvc.lock")
PLOTTED_IMAGES = 12
NOTE = (
    "Fashion-MNIST and the digits are bright on black, and a network knows nothing else: give --invert for pictures "
    "that are dark on white, such as a scan or a shop's photo. Nothing is inverted unasked, since a bright picture may "
    "be just that. Transparent pixels become black, with --invert white before it inverts. Pictures keep their "
    "proportions; black fills the rest of the network's input."
)


@dataclass(frozen=True)
class Trained:
    """A trained model: its file or itself, its classes, and the (height, width, channels) of its images."""

    source: Any
    class_names: list[str]
    image_shape: tuple[int, int, int]


def champion() -> Trained:
    """Load the registry's champion; raise `InputError` if there is none."""
    from pipeline import registry  # here, since a model on disk needs no mlflow

    dataset = params.load().fetch.dataset_name
    model, class_names, _ = registry.champion(dataset)
    return Trained(model, class_names, model.input_shape[1:])


def find(name: str) -> Trained:
    """Find the trained model of that name, without TensorFlow; raise `InputError` for an unknown or untrained one."""
    params.load().model(name)
    file = Path("models", f"{name}.keras")
    for path in (file, DATASET):
        if not path.is_file():
            raise InputError(f"{path} is missing: run `dvc repro` first")
    _require_same_classes(name, file)
    dataset = files.read_json(DATASET)
    height, width, channels = dataset["image_shape"]
    return Trained(file, dataset["class_names"], (height, width, channels))


def predict(trained: Trained, images: np.ndarray) -> np.ndarray:
    """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels).

    Raise `InputError` for a broken model, and for one of other images or classes than the dataset's.
    """
    quiet.import_tensorflow()
    from pipeline import models, training  # here, so that bad input is refused at once

    model = models.load(trained.source) if isinstance(trained.source, Path) else trained.source
    shapes = (*model.input_shape[1:], model.output_shape[-1])
    if shapes != (*trained.image_shape, len(trained.class_names)):
        described = " × ".join(map(str, shapes[:-1]))
        raise InputError(
            f"{trained.source} takes images of {described} and knows {shapes[-1]} classes, not as {DATASET} has it: "
            "run `dvc repro` first"
        )
    return training.predict(model, images)


def as_table(names: Sequence[str], probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Write one image's classes, the most probable first, or a line for each of several images.

    `probabilities` are of (n, classes); a line of several has an image's two most probable classes.
    """
    order = _most_probable_first(probabilities)
    if len(names) == 1:
        rows = [[class_names[index], f"{probabilities[0, index]:.4f}"] for index in order[0]]
        return f"{names[0]}\n\n{_aligned([['class', 'probability'], *rows])}"
    table = [["image", "class", "probability", "runner-up", "probability"]]
    for name, row, (first, second, *_) in zip(names, probabilities, order, strict=True):
        table.append([name, class_names[first], f"{row[first]:.4f}", class_names[second], f"{row[second]:.4f}"])
    return _aligned(table)


def as_json(names: Sequence[str], probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Write a JSON list with an image's name, class, its probability, and every class's, for each image."""
    entries = []
    for name, row in zip(names, probabilities, strict=True):
        best = int(row.argmax())
        by_class = dict(zip(class_names, row.tolist(), strict=True))
        entries.append(
            {"image": name, "class": class_names[best], "probability": row[best].item(), "probabilities": by_class}
        )
    return json.dumps(entries, indent=2)


def main() -> None:
    """Print what the pictures of the command line show; read all of them before TensorFlow is imported."""
    options = _options()
    paths = pictures.find(options.images)
    if options.plot:
        _check_plot(options.plot, paths)
    trained = find(options.model) if options.model else champion()
    images = np.stack([pictures.read(path, trained.image_shape, invert=options.invert) for path in paths])
    probabilities = predict(trained, images)
    names = [_shown(path) for path in paths]
    if options.plot:
        from pipeline import gallery  # here, so that a table does not wait for matplotlib

        titles = [Path(name).name for name in names]
        figure = gallery.predictions(titles, images, probabilities, trained.class_names)
        files.write_figure(options.plot, figure)
    write = as_json if options.json else as_table
    _print(write(names, probabilities, trained.class_names))


def _options() -> Any:
    parser = argparse.ArgumentParser(
        "python -m pipeline.predict",
        description="Tell what pictures show, by a model that `dvc repro` has trained.",
        epilog=NOTE,
        allow_abbrev=False,
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="a PNG or JPEG file, or a folder of them")
    parser.add_argument("--model", metavar="NAME", help="a model of params.yaml; else the registry's champion")
    parser.add_argument(
        "--invert", action="store_true", help="swap black and white first: for dark on white, see below"
    )
    parser.add_argument("--json", action="store_true", help="print every probability as JSON, not a table")
    parser.add_argument(
        "--plot", metavar="FILE.png", type=Path, help=f"draw images and probabilities; {PLOTTED_IMAGES} images at most"
    )
    return parser.parse_args()


def _check_plot(path: Path, images: list[Path]) -> None:
    if path.suffix.lower() != ".png":
        raise InputError(f"--plot {path}: a PNG is written: give it a name that ends in .png")
    if not path.parent.is_dir():
        raise InputError(f"--plot {path}: there is no folder {path.parent}: make it first, or name another")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"--plot {path} cannot be written: name another file")
    if path.resolve() in {image.resolve() for image in images}:
        raise InputError(f"--plot {path} is one of the images, and would replace it: name another file")
    if len(images) > PLOTTED_IMAGES:
        raise InputError(
            f"--plot shows {PLOTTED_IMAGES} images at most, not {len(images):,}: name fewer, or leave it out"
        )


def _require_same_classes(name: str, file: Path) -> None:
    """Raise `InputError` if dvc.lock says that a model was trained on another dataset.json: its classes may differ."""
    entry = files.read_yaml(LOCK)["stages"].get(f"train@{name}", {}) if LOCK.exists() else {}
    known = {dep["path"]: dep["md5"] for dep in entry.get("deps", [])}
    if known.get(DATASET.as_posix(), fingerprint.md5(DATASET)) != fingerprint.md5(DATASET):
        raise InputError(f"{file} was trained on other data than {DATASET} describes now: run `dvc repro` first")


def _most_probable_first(probabilities: np.ndarray) -> np.ndarray:
    return np.argsort(-probabilities, axis=-1, kind="stable")  # of equals the first, as argmax has it


def _aligned(table: list[list[str]]) -> str:
    """Align columns: probabilities, the columns so headed, to the right, all others to the left."""
    columns = [
        [cell.rjust(width) if column[0] == "probability" else cell.ljust(width) for cell in column]
        for column, width in ((column, max(map(len, column))) for column in zip(*table, strict=True))
    ]
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def _shown(path: Path) -> str:
    """Return a path that can be printed: bytes of a name that are no UTF-8 become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _print(text: str) -> None:
    """Print, and end without complaint when the reader has closed the pipe, as `head` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    errors.run(main)
