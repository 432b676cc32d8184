"""What is to be scored: the pictures below a folder, or an array of images in a file, read a part at a time."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError
from pipeline.data import pictures

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Inputs:
    """A folder and the paths of its pictures below it, or an `.npy` file and its rows; `digest` is of all of them."""

    place: Path
    names: Sequence[str | int]
    digest: str


@dataclass(frozen=True)
class Read:
    """What could be read, ids and uint8 images of (n, height, width, channels); and ids of what could not, and why."""

    ids: list[str]
    images: np.ndarray
    unreadable: list[tuple[str, str]]


def listed(source: Path, shape: Shape) -> Inputs:
    """List what is to be scored; raise `InputError` for neither a folder of pictures nor an array of such images."""
    if source.is_dir():
        return _of_folder(source)
    if source.suffix.lower() != ".npy" or not source.is_file():
        raise InputError(f"{source} is no folder and no .npy file: name one of the two")
    return _of_array(source, shape)


def read(inputs: Inputs, first: int, count: int, shape: Shape) -> Read:
    """Read `count` images, or as many as there are, from the one of number `first` on."""
    names = inputs.names[first : first + count]
    if not inputs.place.is_dir():
        return Read([str(row) for row in names], _mapped(inputs.place)[first : first + count], [])
    ids, images, unreadable = list[str](), list[np.ndarray](), list[tuple[str, str]]()
    for name in map(str, names):
        try:
            images.append(pictures.read(inputs.place / name, shape))
            ids.append(_shown(name))
        except InputError as error:
            unreadable.append((_shown(name), _shown(str(error))))
    return Read(ids, np.stack(images) if images else np.empty((0, *shape), np.uint8), unreadable)


def _of_folder(folder: Path) -> Inputs:
    """List PNG and JPEG files, however deep, by name, without what is hidden; the digest is of names and sizes."""
    found = {str(path.relative_to(folder)): path for path in pictures.below(folder) if pictures.is_picture(path)}
    if not found:
        raise InputError(f"{folder} holds no PNG or JPEG file: name a folder that holds some, or an .npy file")
    digest = hashlib.sha256()
    for name in sorted(found):
        size = found[name].stat().st_size if found[name].exists() else -1  # -1 of a link to what is gone
        digest.update(os.fsencode(f"{name}\0{size}\0"))
    return Inputs(folder.resolve(), sorted(found), digest.hexdigest())


def _of_array(file: Path, shape: Shape) -> Inputs:
    """List the rows of an `.npy` file, uint8 of (n, *shape), by number; the digest is of its content."""
    images = _mapped(file)
    if images.dtype != np.uint8 or images.shape[1:] != shape or not len(images):
        held, needed = " × ".join(map(str, images.shape)), " × ".join(map(str, shape))
        raise InputError(f"{file} holds {images.dtype} of {held}: save uint8 of n × {needed}, as the network takes it")
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Inputs(file.resolve(), range(len(images)), digest)


def _mapped(file: Path) -> np.ndarray:
    try:
        return np.lib.format.open_memmap(file, mode="r")
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{file} is not a whole .npy file ({str(error).splitlines()[0]}): write it anew") from None


def _shown(name: str) -> str:
    """Return a name as it can be written: bytes that are no UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
