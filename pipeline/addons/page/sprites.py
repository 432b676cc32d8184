"""All images in one picture, so that a page can show thousands of them."""

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.figures.gallery import on_paper

PIXELS = 12_000_000  # in all, at most: about 3 MB, as text
QUALITY = 60  # of WebP, from 0 to 100


@dataclass(frozen=True)
class Sheet:
    """Images of `width` and `height` in rows from left to right; `source` is the picture as an address."""

    source: str
    columns: int
    width: int
    height: int


def sheet(images: np.ndarray) -> Sheet:
    """Put uint8 images of (n, height, width, channels) on one sheet, grey ones inverted, as dark on white.

    All are shrunk alike where they would be too many.
    """
    count, height, width = images.shape[:3]
    scale = min(1, (PIXELS / (count * height * width)) ** 0.5)
    height, width = max(1, int(height * scale)), max(1, int(width * scale))
    columns = max(1, math.isqrt(count * height // width))  # so that the sheet is about as wide as high
    rows = math.ceil(count / columns)
    picture = Image.new("RGB", (columns * width, rows * height), "white")
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        coloured = np.repeat(on_paper(image), 3 // images.shape[-1], axis=-1)
        small = Image.fromarray(coloured).resize((width, height), Image.Resampling.BOX)
        picture.paste(small, (column * width, row * height))
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=QUALITY)
    source = f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
    return Sheet(source, columns, width, height)
