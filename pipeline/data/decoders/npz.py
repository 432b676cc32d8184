"""One's own `.npz` of images and labels."""

import zipfile
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError, short
from pipeline.data.decoders.reading import Splits, labelled, reading, require_memory

NAMES = (
    ("images", "labels"),
    ("images", "labels", "test_images", "test_labels"),
    ("x_train", "y_train"),
    ("x_train", "y_train", "x_test", "y_test"),
)


def decode(path: Path) -> Splits:
    """Decode one's own .npz into `train` and, where it has one, `test`; images uint8 of (n, height, width, channels).

    It holds `images` and `labels`, perhaps `test_images` and `test_labels`, or Keras's `x_train`, `y_train`, `x_test`,
    `y_test`: images uint8 of (n, height, width) or (n, height, width, 1 or 3), labels integers of (n,) or (n, 1), 0
    for the first class. Raise `InputError` for anything else, and for more than a quarter of the machine's memory.
    """
    splits: Splits = {}
    with reading(path, ".npz file"), zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        names = next((names for names in NAMES if sorted(names) == sorted(members)), None)
        if not names:
            allowed = "; ".join(", ".join(names) for names in NAMES)
            raise InputError(f"{path} holds {short(sorted(members))}: give one of {allowed}")
        require_memory(sum(member.file_size for member in members.values()), path, "give fewer or smaller images")
        for split, images, labels in zip(("train", "test"), names[::2], names[1::2], strict=False):
            pixels, classes = (_npy(archive, members[name]) for name in (images, labels))
            column = classes.shape[1:] == (1,)
            splits[split] = labelled(pixels, classes[:, 0] if column else classes, f"{path}: {images}")
    return splits


def _npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Read an array, which cannot be larger than what the archive says of it, whatever the array says itself."""
    with archive.open(member) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        return np.ascontiguousarray(array)
