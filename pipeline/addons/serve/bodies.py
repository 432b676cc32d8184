"""Images from the body of a request: JSON, raw bytes, `.npy`, pictures."""

import io
import json
import re
from functools import cache
from typing import Any

import numpy as np
import simdjson

from pipeline.base.errors import InputError, short
from pipeline.data import pictures

PIXELS = 16_000_000  # of a picture: while it is decoded it takes up to nine bytes for each
TOGETHER = 4 * PIXELS  # of the pictures of a form
HEADER = 10_000  # bytes of what a `.npy` says of itself
RULE = "a pixel is an integer from 0 to 255, not scaled"


def parse(body: bytes) -> Any:
    """Parse JSON into what simdjson keeps of it, none of it Python's yet; raise `InputError` for anything else."""
    try:
        return simdjson.Parser().parse(body)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"the body is not JSON: {short(str(error))}") from None


def from_json(body: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Read `{"inputs": [image, ...]}`, images of `shape`, as uint8; raise `InputError` for anything else."""
    content = parse(body)
    if not isinstance(content, simdjson.Object) or list(content) != ["inputs"]:
        raise InputError('the body is not {"inputs": [image, ...]}, without any other key')
    first, found = content["inputs"], list[int]()
    while isinstance(first, simdjson.Array):
        found.append(len(first))
        first = first[0] if len(first) else None
    require_shape(tuple(found), shape)
    images = of_numbers(content["inputs"], (found[0], *shape))
    marks = body.translate(None, b"-0123456789 \t\r\n")
    if marks[marks.index(b"[") :] != b"[" + b",".join([_marks(shape)] * found[0]) + b"]}":
        raise InputError(f"inputs has lists of several lengths: give images of {' × '.join(map(str, shape))}")
    return images


def of_numbers(data: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the numbers of an array of simdjson, nested or not, as uint8 of `shape`; raise `InputError` for others."""
    try:
        numbers = np.frombuffer(data.as_buffer(of_type="i"), np.int64)
    except (TypeError, ValueError, AttributeError):
        raise InputError(f"inputs holds what is no list of integers: {RULE}") from None
    if numbers.size != (needed := int(np.prod(shape, dtype=object))):
        raise InputError(f"inputs holds {numbers.size:,} numbers, {needed:,} are needed for the shape {shape}")
    return of_integers(numbers.reshape(shape))


def of_integers(pixels: np.ndarray) -> np.ndarray:
    """Return integers as uint8; raise `InputError` unless all are from 0 to 255."""
    if pixels.dtype != np.uint8 and (pixels.min() < 0 or pixels.max() > 255):
        raise InputError(f"inputs holds {pixels.min()} to {pixels.max()}: {RULE}")
    return np.ascontiguousarray(pixels, np.uint8)


def require_shape(found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless an array of images has the shape (images, *shape), with one image at least."""
    if found[1:] != shape or not found[0]:
        raise InputError(f"inputs has the shape {found}, not (images, {', '.join(map(str, shape))})")


def from_raw(body: bytes, stated: str | None, shape: tuple[int, ...]) -> np.ndarray:
    """Read bytes, one a pixel, of the shape that a header states, as `2, 28, 28, 1`."""
    if stated is None or not re.fullmatch(r"\d{1,9}( *, *\d{1,9}){0,9}", stated):
        raise InputError(f"the header Shape is {short(stated or '')}: give the shape of the images, as 2, 28, 28, 1")
    return _shaped(body, tuple(map(int, stated.split(","))), shape, np.dtype(np.uint8))


def from_npy(body: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Read the array of a `.npy` file: integers from 0 to 255, of any integer type."""
    file = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        found, by_column, kind = read(file, max_header_size=HEADER)
    except Exception as error:  # NumPy takes what follows for Python, which fails in many ways
        raise InputError(f"the body is not a .npy file: {short(str(error))}") from None
    if kind.kind not in "ui":
        raise InputError(f"the array is of {short(str(kind))}: {RULE}")
    return of_integers(_shaped(body[file.tell() :], found, shape, kind, order="F" if by_column else "C"))


def from_picture(body: bytes, shape: tuple[int, ...], *, invert: bool = False, of: int = 1) -> np.ndarray:
    """Read a PNG or JPEG picture, one `of` so many, as one image, resized as `predict` does.

    Raise `InputError` for any other, and for one of more pixels than its share.
    """
    height, width, channels = shape
    most = min(PIXELS, TOGETHER // of)
    return pictures.decode(body, "the picture", (height, width, channels), invert=invert, most=most)[None]


def _shaped(
    content: bytes, found: tuple[int, ...], shape: tuple[int, ...], kind: np.dtype[Any], order: Any = "C"
) -> np.ndarray:
    require_shape(found, shape)
    if len(content) != (needed := int(np.prod(found, dtype=object)) * kind.itemsize):
        raise InputError(f"the body has {len(content):,} bytes of pixels, {needed:,} are needed for the shape {found}")
    return np.frombuffer(content, kind).reshape(found, order=order)


@cache
def _marks(shape: tuple[int, ...]) -> bytes:
    """Return an image's brackets and commas in JSON."""
    return json.dumps(np.zeros(shape, int).tolist(), separators=(",", ":")).replace("0", "").encode()
