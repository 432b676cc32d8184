"""Tell what pictures show, by a trained model: `python -m pipeline.predict IMAGE... [--model NAME]`."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.base import errors, files, tables
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.data import pictures
from pipeline.runs import lock, paths

T = TypeVar("T")
PLOTTED_IMAGES = 12
BATCH = 100
NOTE = (
    "Fashion-MNIST and the digits are bright on black, and a network knows nothing else: give --invert for pictures "
    "that are dark on white, such as a scan or a shop's photo. Nothing is inverted unasked, since a bright picture may "
    "be just that. Transparent pixels become black, with --invert white before it inverts. Pictures keep their "
    "proportions; black fills the rest of the network's input."
)


@dataclass(frozen=True)
class Trained:
    """A trained model: its `.keras` file, or itself, of Keras or LiteRT; its classes; (height, width, channels)."""

    source: Any
    class_names: list[str]
    image_shape: tuple[int, int, int]


def champion() -> Trained:
    """Load the registry's champion; raise `InputError` if there is none."""
    from pipeline.champion import promotion  # here, since a model on disk needs no mlflow

    dataset = loading.load().fetch.dataset_name
    model, class_names, _ = promotion.champion(dataset)
    return Trained(model, class_names, model.input_shape[1:])


def find(name: str, *, keras: bool = False) -> Trained:
    """Find a model with its first seed, or a training such as `vgg-43`, without TensorFlow.

    Where it was exported to LiteRT, it is that network, which answers in a tenth of the time that TensorFlow takes to
    be imported, unless `keras` is asked for. Raise `InputError` for an unknown or untrained one.
    """
    training = loading.load().trainings_of(name)[0]
    file = paths.model(training)
    for path in (file, paths.DATASET):
        if not path.is_file():
            raise InputError(f"{path} is missing: run `dvc repro` first")
    _require_same_classes(training, file)
    dataset = files.read_json(paths.DATASET)
    height, width, channels = dataset["image_shape"]
    trained = Trained(file, dataset["class_names"], (height, width, channels))
    return trained if keras else _exported(training, trained) or trained


def predict(trained: Trained, images: np.ndarray) -> np.ndarray:
    """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels).

    Raise `InputError` for a broken model, and for one of other images or classes than the dataset's.
    """
    if hasattr(trained.source, "image_shape"):  # LiteRT's
        return _in_batches(trained.source, images)
    from pipeline.network import training  # here, so that bad input is refused at once

    return training.predict(load(trained), images)


def load(trained: Trained) -> Any:
    """Load the Keras model, unless `trained` holds it; raise `InputError` as `predict` does."""
    from pipeline.network import saving

    model = saving.load(trained.source) if isinstance(trained.source, Path) else trained.source
    shapes = (*model.input_shape[1:], model.output_shape[-1])
    if shapes != (*trained.image_shape, len(trained.class_names)):
        described = " × ".join(map(str, shapes[:-1]))
        raise InputError(
            f"{trained.source} takes images of {described} and knows {shapes[-1]} classes, not as {paths.DATASET} has "
            "it: run `dvc repro` first"
        )
    return model


def as_table(names: Sequence[str], probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Write one image's classes, the most probable first, or a line for each of several images.

    `probabilities` are of (n, classes); a line of several has an image's two most probable classes.
    """
    order = _most_probable_first(probabilities)
    if len(names) == 1:
        row = [(class_names[index], float(probabilities[0][index])) for index in order[0]]
        return f"{names[0]}\n\n{tables.rows_for_terminal(['class', 'probability'], row, [False, True])}"
    rows = [
        (name, class_names[first], float(row[first]), class_names[second], float(row[second]))
        for name, row, (first, second, *_) in zip(names, probabilities, order, strict=True)
    ]
    columns = ["image", "class", "probability", "runner-up", "probability"]
    return tables.rows_for_terminal(columns, rows, [False, False, True, False, True])


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
    """Print what the pictures of the command line show, then name what cannot be read, with exit code 2.

    All of them are read before TensorFlow is imported.
    """
    options, bad = _options(), list[str]()
    listed = _tried(lambda place: pictures.find([place]), options.images, bad)
    found = [path for _, paths in listed for path in paths]
    if found:
        if options.plot:
            _check_plot(options.plot, found)
        trained = find(options.model) if options.model else champion()
        read = partial(pictures.read, shape=trained.image_shape, invert=options.invert)
        if good := _tried(read, found, bad):
            _tell(options, trained, [path for path, _ in good], np.stack([image for _, image in good]))
    if bad:
        raise InputError("\nerror: ".join(bad))


def _tried(action: Callable[[Path], T], given: list[Path], bad: list[str]) -> list[tuple[Path, T]]:
    """Return each path with what `action` makes of it; where that is an `InputError`, add its message to `bad`."""
    done = []
    for path in given:
        try:
            done.append((path, action(path)))
        except InputError as error:
            bad.append(str(error))
    return done


def _tell(options: Any, trained: Trained, paths: list[Path], images: np.ndarray) -> None:
    """Predict images, and print and draw what they show."""
    probabilities = predict(trained, images)
    if options.plot:
        from pipeline.figures import gallery, png  # here, so that a table does not wait for matplotlib

        titles = [_shown(Path(path.name)) for path in paths]
        figure = gallery.predictions(titles, images, probabilities, trained.class_names)
        files.write_bytes(options.plot, png.encode(figure, most=math.inf))
    write = as_json if options.json else as_table
    _print(write([_shown(path) for path in paths], probabilities, trained.class_names))


def _options() -> Any:
    parser = argparse.ArgumentParser(
        "python -m pipeline.predict",
        description="Tell what pictures show, by a model that `dvc repro` has trained.",
        epilog=NOTE,
        allow_abbrev=False,
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="a PNG or JPEG file, or a folder of them")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="a model of params.yaml (its first seed) or a training, as vgg-43; else the champion",
    )
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


def _require_same_classes(training: Training, file: Path) -> None:
    """Raise `InputError` if dvc.lock says that a model was trained on another dataset.json: its classes may differ."""
    stage, now = lock.read().get(f"train@{training.name}"), files.md5(paths.DATASET)
    if stage and stage.deps.get(paths.DATASET.as_posix(), now) != now:
        raise InputError(f"{file} was trained on other data than {paths.DATASET} describes now: run `dvc repro` first")


def _exported(training: Training, trained: Trained) -> Trained | None:
    """Return a training with its network for LiteRT in place of its file, or None where there is none of this model."""
    if not (path := paths.exported(training)).is_file():
        return None
    from pipeline.runtimes import litert

    content = path.read_bytes()
    if litert.metadata(content).get("model_md5") != files.md5(trained.source):
        return None
    network = litert.Network(content)
    fits = (network.image_shape, network.classes) == (trained.image_shape, len(trained.class_names))
    return replace(trained, source=network) if fits else None


def _in_batches(network: Any, images: np.ndarray) -> np.ndarray:
    return np.concatenate([network.predict(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


def _most_probable_first(probabilities: np.ndarray) -> np.ndarray:
    return np.argsort(-probabilities, axis=-1, kind="stable")  # of equals the first, as argmax has it


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
