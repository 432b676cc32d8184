"""A split's images and labels in NumPy's own files, in a folder: `images.npy`, `labels.npy` and perhaps `names.npy`.

Images stay in their file, which is mapped: the kernel reads what is asked for, and drops it again where memory is
short, so that a split may be larger than the memory.
"""

import math
import mmap
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base import files
from pipeline.base.errors import InputError

AT_ONCE = 1 << 22  # bytes, about, that are copied into memory at once


class Rows:
    """Some rows of an array, copied when they are asked for: `rows[:100]`, `rows[np.array([7, 1])]`."""

    def __init__(self, array: "Array", numbers: np.ndarray) -> None:
        self._array, self._numbers = array, numbers
        self.shape: tuple[int, ...] = (len(numbers), *array.shape[1:])
        self.dtype: np.dtype = array.dtype

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, which: int | slice | np.ndarray) -> Any:
        return self._array[self._numbers[which]]


Array = np.ndarray | Rows
Labelled = tuple[np.ndarray, np.ndarray]  # uint8 images of (n, height, width, channels), int64 labels of (n,)
LabelledRows = tuple[Array, np.ndarray]  # the same, where the images may be rows of another array


def write(folder: Path, images: Array, labels: np.ndarray, names: Array | None = None) -> None:
    """Write a split into a folder of its own, anew; `names` are those of the images' files."""
    if folder.exists():
        shutil.rmtree(folder)
    for name, array in (("images", images), ("labels", labels), ("names", names)):
        if array is not None:
            write_array(folder / f"{name}.npy", array.dtype, array.shape, parts(array))


def read(folder: Path, *, at_random: bool = False) -> Labelled:
    """Read a split's labels and map its images; raise `InputError` for what is missing or not whole.

    `at_random` is for images that are taken in random order. Where memory is short, reading ahead, a hundred images and
    more for each one, makes that thirty times as slow.
    """
    images, labels = mapped(folder / "images.npy", at_random), mapped(folder / "labels.npy").copy()
    if len(images) != len(labels):
        raise InputError(
            f"{folder} holds {len(images):,} images, but {len(labels):,} labels: delete it and run `dvc repro`"
        )
    return images, labels


def mapped(path: Path, at_random: bool = False) -> np.ndarray:
    """Map an `.npy` file, as `read` does the images' one."""
    with files.made_by_repro(path, "a whole .npy file"):
        mapped: Any = np.lib.format.open_memmap(path, mode="r")
        if at_random:
            mapped.base.madvise(mmap.MADV_RANDOM)
        return np.asarray(mapped)


def names(folder: Path) -> np.ndarray | None:
    """Read the names of the files that a split's images were in, or None where they were in none of their own."""
    return mapped(path).copy() if (path := folder / "names.npy").exists() else None


def rows(labelled: Labelled, numbers: np.ndarray) -> LabelledRows:
    """Return the images and labels of some rows, the images copied when they are asked for."""
    images, labels = labelled
    return Rows(images, numbers), labels[numbers]


def write_array(path: Path, dtype: np.dtype, shape: tuple[int, ...], parts: Iterable[np.ndarray]) -> None:
    """Write an array as `np.save` does, part by part."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with files.whole(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(part.tobytes())


def parts(array: Array) -> Iterator[np.ndarray]:
    """Yield all rows in order, a few megabytes at once."""
    rows = max(1, AT_ONCE // max(1, math.prod(array.shape[1:]) * array.dtype.itemsize))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
