"""Images from the body of a request that is JSON or raw bytes."""

import json
import math
import re
from functools import cache
from typing import Any

import numpy as np
import simdjson

from pipeline.base.errors import InputError, short

RULE = "a pixel is an integer from 0 to 255, not scaled"


def from_json(body: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Read `{"inputs": [image, ...]}`, images of `shape`, as uint8; raise `InputError` for anything else."""
    try:
        content = simdjson.Parser().parse(body)  # none of it Python's yet
    except (ValueError, RuntimeError) as error:
        raise InputError(f"the body is not JSON: {short(str(error))}") from None
    if not isinstance(content, simdjson.Object) or list(content) != ["inputs"]:
        raise InputError('the body is not {"inputs": [image, ...]}, without any other key')
    numbers: Any = content["inputs"]
    first, found = numbers, list[int]()
    while isinstance(first, simdjson.Array):
        found.append(len(first))
        first = first[0] if len(first) else None
    _require_shape(tuple(found), shape)
    try:
        pixels = np.frombuffer(numbers.as_buffer(of_type="i"), np.int64)
    except (TypeError, ValueError):
        raise InputError(f"inputs holds what is no list of integers: {RULE}") from None
    marks = body.translate(None, b"-0123456789 \t\r\n")
    whole = b"[" + b",".join([_marks(shape)] * found[0]) + b"]}"
    if pixels.size != math.prod(found) or marks[marks.index(b"[") :] != whole:
        raise InputError(f"inputs has lists of several lengths: give images of {' × '.join(map(str, shape))}")
    if pixels.min() < 0 or pixels.max() > 255:
        raise InputError(f"inputs holds {pixels.min()} to {pixels.max()}: {RULE}")
    return pixels.reshape(found).astype(np.uint8)


def from_raw(body: bytes, stated: str | None, shape: tuple[int, ...]) -> np.ndarray:
    """Read bytes, one a pixel, of the shape that a header states, as `2, 28, 28, 1`."""
    if stated is None or not re.fullmatch(r"\d{1,9}( *, *\d{1,9}){0,9}", stated):
        raise InputError(f"the header Shape is {short(stated or '')}: give the shape of the images, as 2, 28, 28, 1")
    found = tuple(map(int, stated.split(",")))
    _require_shape(found, shape)
    if len(body) != (needed := math.prod(found)):
        raise InputError(f"the body has {len(body):,} bytes of pixels, {needed:,} are needed for the shape {found}")
    return np.frombuffer(body, np.uint8).reshape(found)


def _require_shape(found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if found[1:] != shape or not found[0]:
        raise InputError(f"inputs has the shape {found}, not (images, {', '.join(map(str, shape))})")


@cache
def _marks(shape: tuple[int, ...]) -> bytes:
    """Return an image's brackets and commas in JSON."""
    return json.dumps(np.zeros(shape, int).tolist(), separators=(",", ":")).replace("0", "").encode()
