"""IDX, the format of MNIST's files: a magic number that tells the axes, their sizes, the values."""

import gzip
import math
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.base.errors import InputError
from pipeline.data.decoders.reading import Splits, labelled, reading, require_memory

KINDS = ("train images", "train labels", "test images", "test labels")


def decode(paths: list[Path]) -> Splits:
    """Decode training images and labels, test images and labels, in this order."""
    (images, labels, test_images, test_labels) = map(read, paths)
    train, test = str(paths[0]), str(paths[2])
    return {"train": labelled(images, labels, train), "test": labelled(test_images, test_labels, test)}


def find(folder: Path) -> list[Path]:
    """Find the four IDX files of a folder: training images and labels, test images and labels, in this order.

    A name tells what a file is: it holds `train`, `test` or `t10k`, and `images` or `labels`, and may end in `.gz`.
    Raise `InputError`, which lists what was found, unless there is one of each.
    """
    with reading(folder, "folder"):
        listed = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    names = {path: path.name.lower().replace("t10k", "test") for path in listed}
    found = {kind: [path for path in listed if all(word in names[path] for word in kind.split())] for kind in KINDS}
    if any(len(paths) != 1 for paths in found.values()):
        described = "; ".join(
            f"{kind}: {', '.join(path.name for path in paths) or 'none'}" for kind, paths in found.items()
        )
        raise InputError(f"{folder} needs one IDX file of each kind, and holds {described}")
    return [path for (path,) in found.values()]


def read(path: Path) -> np.ndarray:
    """Read an IDX file of 8-bit values, gzipped or not, as a uint8 array; raise `InputError` for anything else."""
    with reading(path, "IDX file"):
        with path.open("rb") as file:
            gzipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if gzipped else path.open("rb") as content:
            return _read(content, path)  # type: ignore[arg-type]  # both are binary files


def _read(content: IO[bytes], path: Path) -> np.ndarray:
    magic = content.read(4)
    axes = magic[3] if len(magic) == 4 and magic[:3] == b"\x00\x00\x08" else 0
    sizes = content.read(4 * axes)
    if not axes or len(sizes) < 4 * axes:
        raise InputError(f"{path} is not an IDX file of 8-bit values: it begins with {magic!r}")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    require_memory(count := math.prod(shape), f"{path}: {shape} values", "give fewer or smaller images")
    values = content.read(count + 1)  # one more would be too many
    if len(values) != count:
        found = f"{len(values):,}" if len(values) < count else "more"
        raise InputError(f"{path} should hold {shape} values, but holds {found} bytes of them")
    return np.frombuffer(values, np.uint8).reshape(shape)
