"""Tell what pictures show, by a trained model: `python -m pipeline.predict IMAGE... [--model NAME]`."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pipeline.base import errors, files, tables
from pipeline.base.errors import InputError
from pipeline.data import pictures
from pipeline.runs import lock, paths

if TYPE_CHECKING:
    from pipeline.config.schema import Training

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
    from pipeline.config import loading

    dataset = loading.load().fetch.dataset_name
    model, class_names, _ = promotion.champion(dataset)
    return Trained(model, class_names, model.input_shape[1:])


def find(name: str) -> Trained:
    """Find a model with its first seed, or a training such as `vgg-43`, without TensorFlow.

    Where it was exported to LiteRT, it is that network. Raise `InputError` for an unknown or untrained one.
    """
    return _exported(name) or on_disk(name)


def on_disk(name: str) -> Trained:
    """Find the `.keras` file of a model with its first seed, or of a training; raise `InputError` as `find` does."""
    from pipeline.config import loading

    training = loading.load().trainings_of(name)[0]
    file = paths.model(training)
    for path in (file, paths.DATASET):
        if not path.is_file():
            raise InputError(f"{path} is missing: run `dvc repro` first")
    _require_same_classes(training, file)
    dataset = files.read_json(paths.DATASET)
    height, width, channels = dataset["image_shape"]
    return Trained(file, dataset["class_names"], (height, width, channels))


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


def _require_same_classes(training: "Training", file: Path) -> None:
    """Raise `InputError` if dvc.lock says that a model was trained on another dataset.json: its classes may differ."""
    stage, now = lock.read().get(f"train@{training.name}"), files.md5(paths.DATASET)
    if stage and stage.deps.get(paths.DATASET.as_posix(), now) != now:
        raise InputError(f"{file} was trained on other data than {paths.DATASET} describes now: run `dvc repro` first")


def _exported(name: str) -> Trained | None:
    """Return a training's network for LiteRT, or None where there is none of the very model and data on disk.

    It reads no more than it takes to know: the params check and dvc.lock would take as long as all else.
    """
    params = files.read_yaml(paths.PARAMS)
    models, seeds = params.get("models"), params.get("seeds")
    if not (isinstance(models, dict) and isinstance(seeds, list) and seeds):
        return None
    training = f"{name}-{seeds[0]}" if name in models else name
    known = training in {f"{model}-{seed}" for model in models for seed in seeds}
    made_from = {"model_md5": paths.named_model(training), "dataset_md5": paths.DATASET}
    path = paths.exported(training)
    if not known or not all(file.is_file() for file in (path, *made_from.values())):
        return None
    from pipeline.runtimes import litert

    told = litert.metadata(content := path.read_bytes())
    if any(told.get(key) != files.md5(file) for key, file in made_from.items()):
        return None
    network = litert.Network(content)
    height, width, channels = network.image_shape
    return Trained(network, json.loads(told["class_names"]), (height, width, channels))


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
