"""One's own pictures, a folder for each class, as labelled images."""

import math
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError, short
from pipeline.data import pictures
from pipeline.data.decoders.reading import Found, Splits, require_memory

PARTS = {"train", "test", "training", "testing", "valid", "validation", "val"}  # where there is no other folder


def read(folder: Path, shape: tuple[int, int, int], unreadable_fraction: float) -> Found:
    """Read `folder`/CLASS/..., or `folder`/train/CLASS/... and test/CLASS/..., as images of (height, width, channels).

    Every PNG and JPEG file below a class's folder, however deep, is one of its images, read by `pictures.read`: uint8
    of (n, height, width, channels), in the order of their names, labels int64 of (n,). Classes are in the order of
    their names' characters; hidden files and folders are left out. Raise `InputError` for a folder that is no such
    thing, and if more than `unreadable_fraction` cannot be read.
    """
    places = _places(folder)
    class_names = _class_names(places["train"])
    listed = {split: _listed(place, class_names) for split, place in places.items()}
    paths = {split: [path for path in listed[split] if pictures.is_picture(path)] for split in places}
    count = sum(map(len, paths.values()))
    source = f"{folder}: {count:,} images of {' × '.join(map(str, shape))}"
    require_memory(count * math.prod(shape), source, "give a smaller height and width")
    splits: Splits = {}
    names, unreadable = dict[str, list[str]](), list[Path]()
    for split, place in places.items():
        images, read, failed = _images(paths[split], shape)
        labels = [class_names.index(path.relative_to(place).parts[0]) for path in read]
        splits[split] = images, np.array(labels, np.int64)
        names[split] = [pictures.printable(path.relative_to(folder)) for path in read]
        unreadable += failed
    noticed = _outside({folder, *places.values()}) + _left_out(listed)
    noticed += _unreadable(folder, unreadable, count, unreadable_fraction)
    class_names = [unicodedata.normalize("NFC", name) for name in class_names]
    return Found(class_names, splits, names, noticed + _untested(class_names, splits))


def _places(folder: Path) -> dict[str, Path]:
    """Return where the class folders of `train` are and, if there are some, those of `test`."""
    folders = pictures.contents(folder)[0]
    if not folders:
        raise InputError(f"{folder} holds no folders: give it one for each class, named as the class")
    parts = {name.casefold(): folder / name for name in folders}
    if {"train"} <= parts.keys() <= {"train", "test"} and len(parts) == len(folders):
        return {split: parts[split] for split in ("train", "test") if split in parts}
    if parts.keys() <= PARTS or {"train", "test"} <= parts.keys():
        raise InputError(
            f"{folder} holds {short(folders)}: give it a folder for each class, or train and "
            "perhaps test with these in them, and no other; `prepare` holds out a part of train for validation"
        )
    return {"train": folder}


def _class_names(place: Path) -> list[str]:
    names = pictures.contents(place)[0]
    for name in names:
        if pictures.printable(name) != name:
            raise InputError(f"{place} has a class {pictures.printable(name)}, whose name cannot be printed: rename it")
    return names


def _listed(place: Path, class_names: list[str]) -> list[Path]:
    """List all files of a split, class by class; raise `InputError` for a class that `class_names` lacks."""
    names = pictures.contents(place)[0]
    if unknown := [name for name in names if name not in class_names]:
        raise InputError(f"{place} has {short(unknown)}, which train lacks: add pictures to train, or delete it")
    return [path for name in names for path in pictures.below(place / name)]


def _images(paths: list[Path], shape: tuple[int, int, int]) -> tuple[np.ndarray, list[Path], list[Path]]:
    """Read pictures; return their images, the paths that these are of, and the paths that cannot be read."""
    images, read, failed = np.zeros((len(paths), *shape), np.uint8), list[Path](), list[Path]()
    for path in paths:
        try:
            images[len(read)] = pictures.read(path, shape)
            read.append(path)
        except InputError:
            failed.append(path)
    return images[: len(read)], read, failed


def _outside(places: set[Path]) -> list[str]:
    """Count pictures that are in no class's folder, if any."""
    found = [name for place in places for name in pictures.contents(place)[1] if pictures.is_picture(place / name)]
    return [f"pictures outside of a class's folder, left out: {len(found):,} {short(sorted(found))}"] if found else []


def _left_out(listed: dict[str, list[Path]]) -> list[str]:
    """Say which endings are left out, if any."""
    others = [path for paths in listed.values() for path in paths if not pictures.is_picture(path)]
    endings = Counter(pictures.printable(path.suffix.lower()) or "none" for path in others)
    counts = ", ".join(f"{count:,} of {ending}" for ending, count in sorted(endings.items()))
    return [f"files that are no {' '.join(pictures.SUFFIXES)}, left out: {len(others):,} ({counts})"] if others else []


def _unreadable(folder: Path, paths: list[Path], count: int, fraction: float) -> list[str]:
    """Name some of the pictures that cannot be read, if any; raise `InputError` for too many."""
    names = short([path.relative_to(folder).as_posix() for path in paths])
    if len(paths) > fraction * count:
        raise InputError(
            f"{folder}: {len(paths):,} of {count:,} pictures cannot be read, more than a fraction of {fraction:g}: "
            f"delete or replace {names}, or raise fetch.dataset.unreadable_fraction"
        )
    return [f"pictures that cannot be read, left out: {len(paths):,} of {count:,} {names}"] if paths else []


def _untested(class_names: list[str], splits: Splits) -> list[str]:
    """Name some of the classes that a published test split lacks, if any."""
    tested = splits["test" if "test" in splits else "train"][1]
    lacking = [name for number, name in enumerate(class_names) if number not in tested]
    return [f"test has no picture of {short(lacking)}"] if lacking else []
