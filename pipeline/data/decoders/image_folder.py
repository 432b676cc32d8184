"""One's own pictures, a folder for each class, as labelled images."""

import hashlib
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError
from pipeline.data import pictures
from pipeline.data.decoders.reading import Found, require_memory

NAMED = 3  # so many files are named where many have something wrong
PARTS = {"train", "test", "training", "testing", "valid", "validation", "val"}  # where there is no other folder
UNSHOWN = ("Cc", "Cs", "Zl", "Zp")  # Unicode's categories of what breaks a line, and of bytes that are no text

Classes = dict[str, list[Path]]


@dataclass(frozen=True)
class _Split:
    """The images that could be read, each with its label and its file's name, and the names of those that could not."""

    images: np.ndarray
    labels: np.ndarray
    names: list[str]
    unreadable: list[str]


def read(folder: Path, shape: tuple[int, int, int], unreadable_fraction: float) -> Found:
    """Read `folder`/CLASS/..., or `folder`/train/CLASS/... and test/CLASS/..., as images of (height, width, channels).

    Every PNG and JPEG file below a class's folder, however deep, is one of its images, read by `pictures.read`: uint8
    of (n, height, width, channels), in the order of their names, labels int64 of (n,). Classes are in the order of
    their names' characters; hidden files and folders are left out. Raise `InputError` for a folder that is no such
    thing, and if more than `unreadable_fraction` cannot be read.
    """
    places = _places(folder)
    files = {split: _classes(place) for split, place in places.items()}
    found = {
        split: {name: [path for path in paths if _is_picture(path)] for name, paths in classes.items()}
        for split, classes in files.items()
    }
    _check_classes(folder, found)
    count = sum(len(paths) for classes in found.values() for paths in classes.values())
    source = f"{folder}: {count:,} images of {' × '.join(map(str, shape))}"
    require_memory(count * math.prod(shape), source, "give a smaller height and width")
    class_names = list(found["train"])
    splits = {split: _read_split(folder, classes, class_names, shape) for split, classes in found.items()}
    noticed = [*_left_out(folder, places, files), *_unreadable(folder, splits, unreadable_fraction)]
    noticed += [*_too_few(folder, splits, class_names), *_repeated(splits)]
    names = {name: [*map(_shown, split.names)] for name, split in splits.items()}
    return Found(class_names, {name: (split.images, split.labels) for name, split in splits.items()}, names, noticed)


def _places(folder: Path) -> dict[str, Path]:
    """Return where the class folders of `train` are and, if there are some, those of `test`."""
    folders, _ = _listed(folder)
    if not folders:
        raise InputError(f"{folder} holds no folders: give it one for each class, named as the class")
    parts = {path.name.casefold(): path for path in folders}
    if {"train"} <= parts.keys() <= {"train", "test"} and len(parts) == len(folders):
        return {split: parts[split] for split in ("train", "test") if split in parts}
    if parts.keys() <= PARTS or {"train", "test"} <= parts.keys():
        raise InputError(
            f"{folder} holds {_some([path.name for path in folders])}: give it a folder for each class, or train and "
            "perhaps test with these in them, and no other; `prepare` holds out a part of train for validation"
        )
    return {"train": folder}


def _classes(place: Path) -> Classes:
    """List the files of each class, classes in the order of their names; macOS and Linux spell these alike then."""
    classes: Classes = {}
    for path in _listed(place)[0]:
        name = unicodedata.normalize("NFC", path.name)
        if _shown(name) != name:
            raise InputError(f"{place} has a class {_shown(name)}, whose name cannot be printed: rename it")
        if name in classes:
            raise InputError(f"{place} has two folders {name}, spelt in different bytes: rename one")
        classes[name] = list(_files(path, (place.resolve(),)))
    return classes


def _files(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files of a folder, then those of its folders; links are followed unless they lead back `above`."""
    real = folder.resolve()
    if any(place.is_relative_to(real) for place in above):
        return
    folders, files = _listed(folder)
    yield from files
    for path in folders:
        yield from _files(path, (*above, real))


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """List a folder's folders and its files but for what is hidden, by name, in the same order on every machine."""
    try:
        listed = [path for path in folder.iterdir() if not path.name.startswith(".")]
        listed.sort(key=lambda path: (unicodedata.normalize("NFC", path.name), path.name))
        return [path for path in listed if path.is_dir()], [path for path in listed if not path.is_dir()]
    except OSError as error:
        raise InputError(f"{_shown(folder)} cannot be read ({error.strerror}): name a folder of pictures") from None


def _is_picture(path: Path) -> bool:
    """Say whether to read a file: also a link to nothing, which cannot be read, but no pipe, which never ends."""
    return path.suffix.lower() in pictures.SUFFIXES and (path.is_file() or not path.exists())


def _check_classes(folder: Path, found: dict[str, Classes]) -> None:
    for split, classes in found.items():
        place = folder if len(found) == 1 else folder / split
        if empty := [name for name, paths in classes.items() if not paths]:
            raise InputError(f"{place} has no PNG or JPEG file for {_some(empty)}: add pictures, or delete the folder")
    known, tested = found["train"], found.get("test", {})
    if len(known) < 2:
        held = ", ".join(known) or "none"
        raise InputError(f"{folder} has one class or none ({held}), two or more are needed: a folder for each")
    if unknown := [name for name in tested if name not in known]:
        raise InputError(f"{folder}: test has {_some(unknown)}, which train lacks: add pictures to train, or delete it")
    if "test" in found and not tested:
        raise InputError(f"{folder}: test has no class: add a folder for each, or delete it")


def _read_split(folder: Path, classes: Classes, class_names: list[str], shape: tuple[int, int, int]) -> _Split:
    images = np.zeros((sum(map(len, classes.values())), *shape), np.uint8)
    labels: list[int] = []
    names: list[str] = []
    unreadable: list[str] = []
    for name, paths in classes.items():
        for path in paths:
            try:
                images[len(names)] = pictures.read(path, shape)
                names.append(_below(folder, path))
            except InputError:
                unreadable.append(_below(folder, path))
        labels += [class_names.index(name)] * (len(names) - len(labels))
    return _Split(images[: len(names)], np.array(labels, np.int64), names, unreadable)


def _left_out(folder: Path, places: dict[str, Path], files: dict[str, Classes]) -> Iterator[str]:
    every = [path for classes in files.values() for paths in classes.values() for path in paths]
    endings = Counter(path.suffix.lower() or "none" for path in every if not _is_picture(path))
    if endings:
        counts = ", ".join(f"{count:,} of {_shown(ending)}" for ending, count in sorted(endings.items()))
        yield f"files with other endings than {', '.join(pictures.SUFFIXES)}, left out: {endings.total():,} ({counts})"
    around = [path for place in dict.fromkeys([folder, *places.values()]) for path in _listed(place)[1]]
    if outside := [_below(folder, path) for path in around if _is_picture(path)]:
        yield f"pictures outside of a class's folder, left out: {len(outside):,} ({_some(outside)})"


def _unreadable(folder: Path, splits: dict[str, _Split], fraction: float) -> Iterator[str]:
    unreadable = [name for split in splits.values() for name in split.unreadable]
    count = len(unreadable) + sum(len(split.names) for split in splits.values())
    if len(unreadable) > fraction * count:
        raise InputError(
            f"{folder}: {len(unreadable):,} of {count:,} pictures cannot be read, more than a fraction of "
            f"{fraction:g}: delete or replace {_some(unreadable)}, or raise fetch.dataset.unreadable_fraction"
        )
    if unreadable:
        yield f"pictures that cannot be read, left out: {len(unreadable):,} of {count:,} ({_some(unreadable)})"


def _too_few(folder: Path, splits: dict[str, _Split], class_names: list[str]) -> Iterator[str]:
    """Raise `InputError` for a class of one training image, or for no test images; tell which classes test lacks."""
    counts = {split: np.bincount(read.labels, minlength=len(class_names)).tolist() for split, read in splits.items()}
    if single := [name for name, count in zip(class_names, counts["train"], strict=True) if count < 2]:
        raise InputError(
            f"{folder} has less than two readable pictures of {_some(single)}, too few to split: add some, or delete "
            "the folder"
        )
    lacking = [name for name, count in zip(class_names, counts.get("test", counts["train"]), strict=True) if not count]
    if len(lacking) == len(class_names):
        raise InputError(f"{folder}: test has no readable picture: add some, or delete test")
    if lacking:
        yield f"test has no picture of {_some(lacking)}"


def _repeated(splits: dict[str, _Split]) -> Iterator[str]:
    """Tell which images are the same pixel for pixel, as a network sees them."""
    other, same, leaked = "under another class", "in their class", "in test, which flatters test scores"
    again: dict[str, list[str]] = {other: [], same: [], leaked: []}
    originals: dict[bytes, tuple[str, int]] = {}
    for part, split in splits.items():  # train, then test
        for image, label, name in zip(split.images, split.labels.tolist(), split.names, strict=True):
            digest = hashlib.sha256(image.tobytes()).digest()
            if digest in originals:
                original, its_label = originals[digest]
                where = leaked if part == "test" else same if label == its_label else other
                again[where].append(f"{name} = {original}")
            elif part == "train":
                originals[digest] = name, label
    for where, pairs in again.items():
        if pairs:
            yield f"pictures of train again {where}: {len(pairs):,} ({_some(pairs)})"


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _some(names: list[str]) -> str:
    """Name the first few, and tell how many more there are."""
    more = len(names) - NAMED
    return ", ".join(map(_shown, names[:NAMED])) + (f" and {more:,} more" if more > 0 else "")


def _shown(name: object) -> str:
    """Return a name that can be printed in a line: control characters, and bytes that are no UTF-8, are escaped."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in UNSHOWN else character
        for character in str(name)
    )
