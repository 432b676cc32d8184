"""All images in one picture, so that a page can show thousands of them."""

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

PIXELS = 12_000_000  # in all, at most: about 2 MB of grey images, 4 MB of coloured ones
SIDE = 32  # of an image, where the images as they are would be more
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

    All that are too many are shrunk, and then left out: those that `wanted`, bool of (n,), does not name go first, at
    even distances.
    """
    shape = _shrunk(images.shape)
    numbers = _numbers(wanted, PIXELS // (shape[0] * shape[1]))
    small = [_resized(image, shape) for image in images[numbers]]
    columns = max(1, math.isqrt(len(numbers) - 1) + 1) if len(numbers) else 1
    picture = _rows(np.array(small).reshape(-1, *shape, images.shape[-1]), columns)
    content = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(content, "WEBP", quality=QUALITY)
    source = f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
    return Sheet(source, columns, shape[1], shape[0], numbers)


def _shrunk(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width on the sheet: as they are, or the longer side `SIDE` where all would be too many."""
    count, height, width = shape[:3]
    if count * height * width <= PIXELS or max(height, width) <= SIDE:
        return height, width
    scale = SIDE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _numbers(wanted: np.ndarray, most: int) -> np.ndarray:
    """Return the numbers of at most so many images, the wanted ones first, in ascending order."""
    chosen, others = np.flatnonzero(wanted)[:most], np.flatnonzero(~wanted)
    room = min(most - len(chosen), len(others))
    spread = others[np.arange(room) * len(others) // max(1, room)]
    return np.sort(np.concatenate([chosen, spread]))


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
