"""Images from the body of a request: JSON, raw bytes, `.npy`, pictures, a form of pictures."""

import io
import json
import re
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from pipeline.base.errors import InputError, short
from pipeline.data import pictures

PIXELS = 16_000_000  # of a picture: while it is decoded it takes up to nine bytes for each
TOGETHER = 4 * PIXELS  # of the pictures of a form
HEADER = 10_000  # bytes of what a `.npy` says of itself
BEGIN, END = re.compile(rb'\s*\{\s*"inputs"\s*:\s*'), re.compile(rb"\s*\}\s*\Z")


def from_json(body: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Read `{"inputs": [image, ...]}`, images of `shape`, as uint8; raise `InputError` for anything else."""
    images = _written_by_a_machine(body, shape)
    return check_images(body, shape) if images is None else images


def check_images(body: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Return the images of `{"inputs": [image, ...]}`; raise `InputError` unless all pixels are integers to 255."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {short(str(error))}") from None
    if not isinstance(content, dict) or list(content) != ["inputs"]:
        raise InputError('the body is not {"inputs": [image, ...]}, without any other key')
    return of_pixels(np.array(content["inputs"], dtype=object), shape)  # as numbers, true would be 1


def of_pixels(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of any objects as uint8; raise `InputError` unless it holds images of `shape`, 0 to 255."""
    require_shape(pixels.shape, shape)
    for pixel in pixels.flat:
        if type(pixel) is not int or not 0 <= pixel <= 255:
            raise InputError(f"inputs holds {short(pixel)}: a pixel is an integer from 0 to 255, not scaled")
    return pixels.astype(np.uint8)


def of_numbers(data: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return numbers of JSON, nested or in one list, as uint8 of `shape`; raise `InputError` for others."""
    flat = data if isinstance(data, list) else [data]
    while flat and isinstance(flat[0], list) and all(isinstance(part, list) for part in flat):
        flat = list(chain.from_iterable(flat))
    if len(flat) != int(np.prod(shape, dtype=object)):
        raise InputError(f"data holds {len(flat):,} numbers, not as many as the shape {shape}")
    if set(map(type, flat)) != {int}:
        bad = next(pixel for pixel in flat if type(pixel) is not int)
        raise InputError(f"data holds {short(bad)}: a pixel is an integer from 0 to 255, not scaled")
    try:
        return np.frombuffer(bytes(flat), np.uint8).reshape(shape)
    except (ValueError, OverflowError):
        raise InputError("data holds a number below 0 or over 255: a pixel is an integer from 0 to 255") from None


def require_shape(found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless an array of images has the shape (images, *shape), with one image at least."""
    if found[1:] != shape or not found[0]:
        raise InputError(f"inputs has the shape {found}, not (images, {', '.join(map(str, shape))})")


def from_raw(body: bytes, stated: str | None, shape: tuple[int, ...]) -> np.ndarray:
    """Read bytes, one a pixel, of the shape that a header states, as `2, 28, 28, 1`."""
    if stated is None or not re.fullmatch(r"\d{1,9}( *, *\d{1,9}){0,9}", stated):
        raise InputError(f"the header Shape is {short(stated or '')}: give the shape of the images, as 2, 28, 28, 1")
    require_shape(found := tuple(map(int, stated.split(","))), shape)
    if len(body) != (needed := int(np.prod(found, dtype=object))):
        raise InputError(f"the body has {len(body):,} bytes, {needed:,} are needed for the shape {found}")
    return np.frombuffer(body, np.uint8).reshape(found)


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
        raise InputError(f"the array is of {short(str(kind))}: a pixel is an integer from 0 to 255, not scaled")
    require_shape(found, shape)
    needed, rest = int(np.prod(found, dtype=object)) * kind.itemsize, body[file.tell() :]
    if len(rest) != needed:
        raise InputError(f"the body has {len(rest):,} bytes of pixels, {needed:,} are needed for the shape {found}")
    pixels = np.frombuffer(rest, kind).reshape(found, order="F" if by_column else "C")
    if kind != np.uint8 and (pixels.min() < 0 or pixels.max() > 255):
        raise InputError(f"inputs holds {pixels.min()} to {pixels.max()}: a pixel is an integer from 0 to 255")
    return np.ascontiguousarray(pixels, np.uint8)


def from_picture(body: bytes, shape: tuple[int, ...], *, invert: bool = False, of: int = 1) -> np.ndarray:
    """Read a PNG or JPEG picture, one `of` so many, as one image, resized as `predict` does.

    Raise `InputError` for any other, and for one of more pixels than its share.
    """
    height, width, channels = shape
    most = min(PIXELS, TOGETHER // of)
    return pictures.decode(body, "the picture", (height, width, channels), invert=invert, most=most)[None]


def _written_by_a_machine(body: bytes, shape: tuple[int, ...]) -> np.ndarray | None:
    """Read a body as `json.dumps` writes it, by arithmetic on all of its bytes at once; None for any other.

    Brackets and commas are compared with those of so many images. A million numbers as Python's lists take ten times
    as long.
    """
    begin, end = BEGIN.match(body), END.search(body, max(0, len(body) - 9))
    if not begin or not end:
        return None
    inner, pixels = body[begin.end() : end.start()], int(np.prod(shape))
    letters = np.frombuffer(inner, np.uint8)
    digits = letters - 48  # what is no digit is 10 or more
    numeric = digits < 10
    edges = np.flatnonzero(numeric[1:] != numeric[:-1])
    images, rest = divmod(len(edges), 2 * pixels)
    comma = ", " if inner[(at := inner.find(b",") + 1) : at + 1] == b" " else ","
    marks, gaps = _template(shape, comma)
    wanted = b"[" + comma.encode().join([marks] * images) + b"]"
    if rest or not images or inner.translate(None, b"0123456789") != wanted:
        return None
    first, last = edges[::2] + 1, edges[1::2]
    lengths = last - first + 1
    if (first[1:] - last[:-1] != np.resize(gaps, len(first))[:-1]).any() or lengths.max() > 3:
        return None
    values, longer = digits[last].astype(np.uint16), lengths > 1
    values += digits[last - 1] * longer * np.uint16(10)
    values += digits[last - 2] * (lengths > 2) * np.uint16(100)  # a byte has no room for 300
    if values.max() > 255 or (longer & (digits[first] == 0)).any():
        return None
    return values.astype(np.uint8).reshape(images, *shape)


@cache
def _template(shape: tuple[int, ...], comma: str) -> tuple[bytes, np.ndarray]:
    """Return an image's brackets and commas in JSON, and how far each number's beginning is from the last one's end."""
    image, two = (json.dumps(np.zeros(given, int).tolist(), separators=(comma, ":")) for given in (shape, (2, *shape)))
    starts = np.flatnonzero(np.frombuffer(two.encode(), np.uint8) == ord("0"))
    return image.replace("0", "").encode(), np.diff(starts)[: len(starts) // 2]
