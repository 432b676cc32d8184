"""One's own pictures, a folder for each class, as labelled images."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError
from pipeline.data import pictures
from pipeline.data.decoders.reading import Found, require_memory

NAMED = 3  # so many files are named where many have something wrong
PARTS = {"train", "test", "training", "testing", "valid", "validation", "val"}  # where there is no other folder
UNSHOWN = ("Cc", "Cs", "Zl", "Zp")  # Unicode's categories of what breaks a line, and of bytes that are no text

Classes = dict[str, list[Path]]  # the files of each
Listed = list[tuple[str, Path]]  # pictures, each with its class


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
        split: [(name, path) for name, paths in classes.items() for path in paths if _is_picture(path)]
        for split, classes in files.items()
    }
    class_names, count = list(files["train"]), sum(map(len, found.values()))
    _check(folder, class_names, found)
    source = f"{folder}: {count:,} images of {' × '.join(map(str, shape))}"
    require_memory(count * math.prod(shape), source, "give a smaller height and width")
    images, unreadable = dict[str, np.ndarray](), list[str]()
    for split in found:
        images[split], found[split], bad = _read(found[split], shape)
        unreadable += [_below(folder, path) for path in bad]
    noticed = [*_left_out(folder, places, files), *_unreadable(folder, unreadable, count, unreadable_fraction)]
    _check(folder, class_names, found)
    tested = {name for name, _ in found.get("test", found["train"])}
    if lacking := [name for name in class_names if name not in tested]:
        noticed.append(f"test has no picture of {_some(lacking)}")
    numbers = {name: number for number, name in enumerate(class_names)}
    labels = {split: np.array([numbers[name] for name, _ in listed], np.int64) for split, listed in found.items()}
    names = {split: [_shown(_below(folder, path)) for _, path in listed] for split, listed in found.items()}
    return Found(class_names, {split: (images[split], labels[split]) for split in found}, names, noticed)


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


def _check(folder: Path, class_names: list[str], found: dict[str, Listed]) -> None:
    """Raise `InputError` unless there are enough pictures of each class."""
    counts = Counter(name for name, _ in found["train"])
    if len(class_names) < 2:
        held = ", ".join(class_names) or "none"
        raise InputError(f"{folder} has one class or none ({held}), two or more are needed: a folder for each")
    if few := [name for name in class_names if counts[name] < 2]:
        raise InputError(
            f"{folder} has less than two readable pictures of {_some(few)}, too few to split: add some, or delete "
            "the folder"
        )
    tested = dict.fromkeys(name for name, _ in found.get("test", found["train"]))
    if unknown := [name for name in tested if name not in class_names]:
        raise InputError(f"{folder}: test has {_some(unknown)}, which train lacks: add pictures to train, or delete it")
    if not tested:
        raise InputError(f"{folder}: test has no readable picture: add some, or delete test")


def _read(listed: Listed, shape: tuple[int, int, int]) -> tuple[np.ndarray, Listed, list[Path]]:
    """Read pictures as images; return these, the pictures that they are of, and those that cannot be read."""
    images, read, unreadable = np.zeros((len(listed), *shape), np.uint8), Listed(), list[Path]()
    for name, path in listed:
        try:
            images[len(read)] = pictures.read(path, shape)
            read.append((name, path))
        except InputError:
            unreadable.append(path)
    return images[: len(read)], read, unreadable


def _unreadable(folder: Path, names: list[str], count: int, fraction: float) -> Iterator[str]:
    what, named = f"{len(names):,} of {count:,}", _some(names)
    if len(names) > fraction * count:
        raise InputError(
            f"{folder}: {what} pictures cannot be read, more than a fraction of {fraction:g}: delete or replace "
            f"{named}, or raise fetch.dataset.unreadable_fraction"
        )
    if names:
        yield f"pictures that cannot be read, left out: {what} ({named})"


def _left_out(folder: Path, places: dict[str, Path], files: dict[str, Classes]) -> Iterator[str]:
    every = [path for classes in files.values() for paths in classes.values() for path in paths]
    endings = Counter(path.suffix.lower() or "none" for path in every if not _is_picture(path))
    if endings:
        counts = ", ".join(f"{count:,} of {_shown(ending)}" for ending, count in sorted(endings.items()))
        yield f"files with other endings than {', '.join(pictures.SUFFIXES)}, left out: {endings.total():,} ({counts})"
    around = [path for place in dict.fromkeys([folder, *places.values()]) for path in _listed(place)[1]]
    if outside := [_below(folder, path) for path in around if _is_picture(path)]:
        yield f"pictures outside of a class's folder, left out: {len(outside):,} ({_some(outside)})"


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
