"""One's own `.npz` of images and labels."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.base.errors import InputError, short
from pipeline.base.files import Arrays
from pipeline.data.decoders.reading import Splits, labelled, reading, require_memory

NAMES = (
    ("images", "labels"),
    ("images", "labels", "test_images", "test_labels"),
    ("x_train", "y_train"),
    ("x_train", "y_train", "x_test", "y_test"),
)
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def decode(path: Path) -> Splits:
    """Decode one's own .npz into `train` and, where it has one, `test`; images uint8 of (n, height, width, channels).

    It holds `images` and `labels`, perhaps `test_images` and `test_labels`, or Keras's `x_train`, `y_train`, `x_test`,
    `y_test`: images uint8 of (n, height, width) or (n, height, width, 1 or 3), labels integers of (n,) or (n, 1), 0
    for the first class. Raise `InputError` for anything else, and for more than a quarter of the machine's memory.
    """
    arrays = _arrays(path)
    splits = {}
    for split, images, labels in zip(("train", "test"), list(arrays)[::2], list(arrays)[1::2], strict=False):
        splits[split] = labelled(arrays[images], arrays[labels].ravel(), f"{path}: {images}")
    return splits


def _arrays(path: Path) -> Arrays:
    """Read the arrays of an .npz that has one of the `NAMES`, in that order, their sizes checked first."""
    with reading(path, ".npz file"), zipfile.ZipFile(path) as archive:
        held = [member.removesuffix(".npy") for member in archive.namelist()]
        names = next((names for names in NAMES if sorted(names) == sorted(held)), None)
        if not names:
            allowed = "; ".join(", ".join(names) for names in NAMES)
            raise InputError(f"{path} holds {short(sorted(held))}: give one of {allowed}")
        members = {name: archive.getinfo(f"{name}.npy") for name in names}
        require_memory(sum(member.file_size for member in members.values()), path, "give fewer or smaller images")
        for name, member in members.items():
            with archive.open(member) as file:
                _check_npy(file, member.file_size, f"{path}: {name}")
        return {name: _npy(archive, member) for name, member in members.items()}


def _check_npy(file: IO[bytes], size: int, source: str) -> None:
    """Check what an .npy says of itself: the shape and type of images or of labels, and a `size` in bytes that fits."""
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"it holds an .npy of version {version}")
    shape, _, dtype = HEADERS[version](file)
    if source.endswith(("labels", "y_train", "y_test")):
        fits = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
        if dtype.kind not in "iu" or not fits:
            raise InputError(f"{source} are {dtype} of {shape}: give integers of (n,)")
    elif dtype != np.uint8:
        raise InputError(f"{source} are {dtype}; give 8-bit ones, 0 to 255")
    elif len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise InputError(f"{source} have the shape {shape}: give (n, height, width) or (n, height, width, 1 or 3)")
    if not math.prod(shape):
        raise InputError(f"{source} have the shape {shape}: there is nothing in them")
    if size != file.tell() + math.prod(shape) * dtype.itemsize:
        raise InputError(f"{source} should be {dtype} of {shape}, but have {size - file.tell():,} bytes")


def _npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        return np.ascontiguousarray(array)
