"""The letters of notMNIST, in a MATLAB file."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat, whosmat

from pipeline.base.errors import InputError
from pipeline.data.decoders.reading import Splits, labelled, reading, require_memory


def decode(paths: list[Path]) -> Splits:
    """Decode notMNIST_small.mat, the one path, into `train`; there is no published test split.

    Images are uint8 of (n, 28, 28, 1), labels int64 of (n,), 0 to 9 for A to J. Raise `InputError` unless the file
    holds `images`, whole numbers from 0 to 255 of (28, 28, n), and `labels` of n.
    """
    (path,) = paths
    with reading(path, "MATLAB file"):
        numbers = sum(math.prod(shape) for _, shape, _ in whosmat(path))
        require_memory(8 * numbers, path, "it is not the published file")
        arrays = loadmat(path)
    images = _whole_numbers(arrays.get("images"), 255, f"{path}: images")
    labels = _whole_numbers(arrays.get("labels"), 9, f"{path}: labels")
    if images.ndim != 3 or images.shape[:2] != (28, 28) or labels.shape not in ((1, labels.size), (labels.size, 1)):
        raise InputError(f"{path}: images and labels are {images.shape} and {labels.shape}, not (28, 28, n) and (1, n)")
    return {"train": labelled(np.ascontiguousarray(images.transpose(2, 0, 1)), labels.ravel(), str(path))}


def _whole_numbers(values: Any, largest: int, source: str) -> np.ndarray:
    """Return real values as uint8; raise `InputError` unless there are some, all whole and from 0 to `largest`."""
    real = isinstance(values, np.ndarray) and values.dtype.kind in "iuf" and values.size
    if not real or not (values.min() >= 0 and values.max() <= largest):
        raise InputError(f"{source} are not numbers from 0 to {largest}: it is not the published file")
    whole: np.ndarray = values.astype(np.uint8)
    if not np.array_equal(whole, values):
        raise InputError(f"{source} are not whole numbers: it is not the published file")
    return whole
