"""All images in one picture, so that a page can show thousands of them."""

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.data.choosing import spread

PIXELS = 12_000_000  # in all, at most: about 3 MB, as text, of grey images and of coloured ones
SIDE = 32  # of an image, where the images as they are would be more
SHADES = 16  # of grey: half a byte a pixel, and sharper than WebP of as many bytes
QUALITY = 40  # of WebP, from 0 to 100


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
    height, width = shape = _shrunk(images.shape)
    numbers = _numbers(wanted, PIXELS // (height * width))
    small = [_resized(image, shape) for image in images[numbers]]
    columns = max(1, math.isqrt(len(numbers) * height // width))  # so that the sheet is about as wide as high
    picture = _rows(np.array(small, np.uint8).reshape(-1, height, width, images.shape[-1]), columns)
    kind, content = _encoded(picture)
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Sheet(source, columns, width, height, numbers)


def _encoded(picture: np.ndarray) -> tuple[str, bytes]:
    """Return the kind and the bytes of a sheet: a PNG of 16 shades if it is grey, else a WebP."""
    content = io.BytesIO()
    if picture.shape[-1] == 3:
        Image.fromarray(picture).save(content, "WEBP", quality=QUALITY)
        return "webp", content.getvalue()
    brightest = SHADES - 1
    shades = Image.fromarray(((picture[..., 0].astype(np.uint16) * brightest + 127) // 255).astype(np.uint8))
    shades.putpalette([level * 255 // brightest for level in range(SHADES) for _ in "RGB"])
    shades.save(content, "PNG", bits=4)
    return "png", content.getvalue()


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


def _resized(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    grey = image.shape[-1] == 1
    on_paper = 255 - image[..., 0] if grey else image
    if on_paper.shape[:2] == shape:
        return on_paper
    return np.asarray(Image.fromarray(on_paper).resize(shape[::-1], Image.Resampling.BOX))


def _rows(images: np.ndarray, columns: int) -> np.ndarray:
    """Set images of (n, height, width, channels) in rows of so many, white where there is none."""
    count, height, width, channels = images.shape
    rows = max(1, -(-count // columns))
    full = np.full((rows * columns, height, width, channels), 255, np.uint8)
    full[:count] = images
    grid = full.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, channels)
