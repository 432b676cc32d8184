"""All images in one picture, so that a page can show thousands of them."""

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.data.choosing import spread
from pipeline.figures.gallery import on_paper

PIXELS = 12_000_000  # in all, at most: about 3 MB, as text
SIDE = 32  # of an image, where the images as they are would be more
QUALITY = 60  # of WebP, from 0 to 100


@dataclass(frozen=True)
class Sheet:
    """Images in rows from left to right: `numbers` says which; `source` is the picture as an address."""

    source: str
    columns: int
    width: int
    height: int
    numbers: np.ndarray


def sheet(images: np.ndarray, wanted: np.ndarray) -> Sheet:
    """Put uint8 images of (n, height, width, channels) on one sheet, grey ones inverted, as dark on white.

    Too many are shrunk, and if they still are, some are left out, at even distances: first of those that `wanted`,
    bool of (n,), does not name.
    """
    height, width = _shrunk(images.shape)
    numbers = _numbers(wanted, PIXELS // (height * width))
    columns = max(1, math.isqrt(len(numbers) * height // width))  # so that the sheet is about as wide as high
    rows = max(1, -(-len(numbers) // columns))
    picture = Image.new("RGB", (columns * width, rows * height), "white")
    for place, number in enumerate(numbers):
        row, column = divmod(place, columns)
        coloured = np.repeat(on_paper(images[number]), 3 // images.shape[-1], axis=-1)
        small = Image.fromarray(coloured).resize((width, height), Image.Resampling.BOX)
        picture.paste(small, (column * width, row * height))
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=QUALITY)
    source = f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
    return Sheet(source, columns, width, height, numbers)


def _shrunk(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width on the sheet: as they are, or the longer side `SIDE` where all would be too many."""
    count, height, width = shape[:3]
    if count * height * width <= PIXELS or max(height, width) <= SIDE:
        return height, width
    scale = SIDE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _numbers(wanted: np.ndarray, most: int) -> np.ndarray:
    """Return the numbers of at most so many images, the wanted ones first, in ascending order."""
    first, others = np.flatnonzero(wanted), np.flatnonzero(~wanted)
    first = first[spread(len(first), most)]
    others = others[spread(len(others), most - len(first))]
    return np.sort(np.concatenate([first, others]))
