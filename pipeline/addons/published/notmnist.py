"""The letters of notMNIST, in a MATLAB file of level 5."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError, short
from pipeline.data.decoders.reading import Splits, labelled, reading

LARGEST = 400_000_000  # bytes of the file, and of what it unpacks to; the published one has 118 million
HEADER = 128
VERSION = b"\x00\x01IM"  # what the header ends on: version 1, numbers with the least byte first
MATRIX, COMPRESSED = 14, 15  # kinds of elements that hold others
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
REAL_CLASSES = range(6, 16)  # of a matrix: double, single, and integers of 8 to 64 bits
COMPLEX, LOGICAL = 0x800, 0x200  # flags of a matrix


def decode(paths: list[Path]) -> Splits:
    """Decode notMNIST_small.mat, the one path, into `train`; there is no published test split.

    Images are uint8 of (n, 28, 28, 1), labels int64 of (n,), 0 to 9 for A to J. Raise `InputError` unless the file is
    MATLAB's level 5 with `images`, whole numbers from 0 to 255 of (28, 28, n), and `labels` of n.
    """
    (path,) = paths
    arrays = _arrays(path)
    images = _whole_numbers(arrays["images"], 255, f"{path}: images")
    labels = _whole_numbers(arrays["labels"], 9, f"{path}: labels")
    if images.ndim != 3 or images.shape[:2] != (28, 28) or labels.shape not in ((1, labels.size), (labels.size, 1)):
        raise InputError(f"{path}: images and labels are {images.shape} and {labels.shape}, not (28, 28, n) and (1, n)")
    return {"train": labelled(np.ascontiguousarray(images.transpose(2, 0, 1)), labels.ravel(), str(path))}


def _arrays(path: Path) -> dict[str, np.ndarray | None]:
    """Read `images` and `labels` from a MATLAB level 5 file; what is not a matrix of real numbers is None.

    SciPy also reads such files, but a damaged one can crash it, and Python with it.
    """
    with reading(path, "MATLAB level 5 file"), path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InputError(f"{path} has more than {LARGEST:,} bytes: it is not the published file")
    if content[HEADER - 4 : HEADER] != VERSION:
        raise InputError(
            f"{path} is not a MATLAB level 5 file: it begins with {content[:20]!r}; delete it and run again"
        )
    with reading(path, "MATLAB level 5 file"):
        variables = [_variable(matrix) for matrix in _matrices(content)]
    names = [name for name, _ in variables]
    if sorted(names) != ["images", "labels"]:
        raise InputError(f"{path} holds {short(names)}, not images and labels: it is not the published file")
    return dict(variables)


def _matrices(content: bytes) -> Iterator[memoryview]:
    """Yield the matrices of a file, compressed ones unpacked, `LARGEST` bytes of all at most."""
    left = LARGEST - len(content)
    for kind, element in _elements(memoryview(content)[HEADER:]):
        if kind == COMPRESSED:
            unpacked = _unpacked(element, left)
            left -= len(unpacked)
            kind, element = next(_elements(memoryview(unpacked)))
        if kind != MATRIX:
            raise ValueError(f"it has an element of kind {kind} in place of a matrix")
        yield element


def _unpacked(element: memoryview, most: int) -> bytes:
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(element, most + 1)
    if len(unpacked) > most:
        raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
    if not unpacking.eof:
        raise ValueError("a compressed part is cut short")
    return unpacked


def _variable(matrix: memoryview) -> tuple[str, np.ndarray | None]:
    """Return a matrix's name and, if it is one of real numbers, its values; those are stored column after column."""
    (_, flags), (_, shape), (_, name), *values = _elements(matrix)
    described = int(np.frombuffer(flags, "<u4")[0])
    numbers = None
    if described & 0xFF in REAL_CLASSES and not described & (COMPLEX | LOGICAL):
        ((kind, stored),) = values
        if kind not in NUMBERS:
            raise ValueError(f"it has values of kind {kind} in place of numbers")
        numbers = np.frombuffer(stored, f"<{NUMBERS[kind]}")
        numbers = numbers.reshape(np.frombuffer(shape, "<u4").tolist(), order="F")
    return bytes(name).decode("latin1"), numbers


def _elements(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the kind and the bytes of each element; one of up to 4 bytes may share the 8 bytes that describe others."""
    position = 0
    while position < len(content):
        kind, length = np.frombuffer(content, "<u4", 2, position).tolist()
        start, end = position + 8, position + 8 + length
        if kind >> 16:
            start, end, kind = position + 4, position + 4 + (kind >> 16), kind & 0xFFFF
        position = end if kind == COMPRESSED else -(-end // 8) * 8
        if end > len(content):
            raise ValueError("it is cut short")
        yield kind, content[start:end]


def _whole_numbers(values: np.ndarray | None, largest: int, source: str) -> np.ndarray:
    """Return real values as uint8; raise `InputError` unless there are some, all whole and from 0 to `largest`."""
    if values is None or not values.size or not (values.min() >= 0 and values.max() <= largest):
        raise InputError(f"{source} are not numbers from 0 to {largest}: it is not the published file")
    whole = values.astype(np.uint8)
    if not np.array_equal(whole, values):
        raise InputError(f"{source} are not whole numbers: it is not the published file")
    return whole
