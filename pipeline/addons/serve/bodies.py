"""Images from the body of a request that is JSON or raw bytes."""

import json
import math
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
    try:
        pixels = np.frombuffer(numbers.as_buffer(of_type="i"), np.int64)
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"inputs holds what is no list of integers: {RULE}") from None
    count = pixels.size // math.prod(shape)
    marks = body.translate(None, b"-0123456789 \t\r\n")  # brackets and commas tell how the pixels are nested
    if not count or marks[marks.index(b"[") :] != b"[" + b",".join([_marks(shape)] * count) + b"]}":
        raise InputError(f"inputs is no list of images of {' × '.join(map(str, shape))}, each nested as such")
    if pixels.min() < 0 or pixels.max() > 255:
        raise InputError(f"inputs holds {pixels.min()} to {pixels.max()}: {RULE}")
    return pixels.reshape(count, *shape).astype(np.uint8)


def from_raw(body: bytes, stated: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read bytes, one a pixel, of the shape that a header states, as `2, 28, 28, 1`."""
    count = len(body) // math.prod(shape)
    needed = ", ".join(map(str, (count, *shape)))
    if not body or len(body) != count * math.prod(shape) or stated.replace(" ", "") != needed.replace(" ", ""):
        given = f"the header Shape is {short(stated)}, the body has {len(body):,} bytes"
        raise InputError(f"{given}: give a byte for each pixel, and the shape of the images, as {needed}")
    return np.frombuffer(body, np.uint8).reshape(count, *shape)


@cache
def _marks(shape: tuple[int, ...]) -> bytes:
    """Return an image's brackets and commas in JSON."""
    return json.dumps(np.zeros(shape, int).tolist(), separators=(",", ":")).replace("0", "").encode()
