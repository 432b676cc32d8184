"""Tell what pictures show, by a trained model: `python -m pipeline predict IMAGE... [--model NAME]`."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tabulate

from pipeline.addons.predict import trained
from pipeline.addons.registry.model import named
from pipeline.base.errors import InputError
from pipeline.data import pictures

NOTE = (
    "Fashion-MNIST and the digits are bright on black, and a network knows nothing else: give --invert for pictures "
    "that are dark on white, such as a scan or a shop's photo."
)


def as_table(names: Sequence[str], probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Write one image's classes, the most probable first, or a line for each of several images.

    `probabilities` are of (n, classes); a line of several has an image's two most probable classes.
    """
    order = np.argsort(-probabilities, axis=-1, kind="stable")  # of equals the first, as argmax has it
    if len(names) == 1:
        rows = [(class_names[index], float(probabilities[0][index])) for index in order[0]]
        return f"{names[0]}\n\n{_aligned(['class', 'probability'], rows, [0])}"
    lines = [
        (name, class_names[first], float(row[first]), class_names[second], float(row[second]))
        for name, row, (first, second, *_) in zip(names, probabilities, order, strict=True)
    ]
    return _aligned(["image", "class", "probability", "runner-up", "probability"], lines, [0, 1, 3])


def as_json(names: Sequence[str], probabilities: np.ndarray, class_names: Sequence[str]) -> str:
    """Write a JSON list with an image's name, class, its probability, and every class's, for each image."""
    rows = zip(names, probabilities.tolist(), strict=True)
    return json.dumps([{"image": name} | named(row, class_names) for name, row in rows], indent=2)


def pictures_at(place: Path) -> list[Path]:
    """List the pictures at a place: a file as it is, a folder as the PNG and JPEG files in it, sorted by name."""
    if os.path.isfile(place):  # noqa: PTH113  # pathlib's raises for a name that is too long
        return [place]
    found = [place / name for name in pictures.contents(place)[1] if pictures.is_picture(place / name)]
    if not found:
        raise InputError(f"{place} holds no PNG or JPEG file: name a PNG or JPEG file, or a folder of them")
    return found


def main() -> None:
    """Print what the pictures of the command line show, then name what cannot be read, with exit code 2.

    A model on disk brings TensorFlow only once a picture was read.
    """
    options = _options()
    found = [path for place in options.images for path in pictures_at(place)]
    good, bad = list[tuple[str, np.ndarray]](), list[str]()
    model = trained.on_disk(options.model) if options.model else trained.fetched_champion() or trained.champion()
    for path in found:
        try:
            good.append((pictures.printable(path), pictures.read(path, model.shape, invert=options.invert)))
        except InputError as error:
            bad.append(str(error))
    if good:
        names, images = zip(*good, strict=True)
        write = as_json if options.json else as_table
        print(write(names, model.predict(np.stack(images)), model.classes), flush=True)
    if bad:
        raise InputError("\nerror: ".join(bad))


def _aligned(titles: list[str], rows: Sequence[Sequence[object]], text: list[int]) -> str:
    """Align a table, as `tables.for_terminal` does, without pandas, which takes a fifth of a second to import."""
    return str(tabulate.tabulate(rows, titles, "plain", floatfmt=".4f", disable_numparse=text))


def _options() -> Any:
    parser = argparse.ArgumentParser(
        "python -m pipeline predict",
        description="Tell what pictures show, by a model that `dvc repro` has trained.",
        epilog=NOTE,
        allow_abbrev=False,
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="a PNG or JPEG file, or a folder of them")
    named = "a model of params.yaml (its first seed) or a training, as vgg-43; else the champion"
    parser.add_argument("--model", metavar="NAME", help=named)
    inverted = "swap black and white first: for dark on white, see below"
    parser.add_argument("--invert", action="store_true", help=inverted)
    parser.add_argument("--json", action="store_true", help="print every probability as JSON, not a table")
    return parser.parse_args()
