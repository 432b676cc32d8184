"""Figures as PNG, in few bytes, since git keeps them."""

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


def encode(figure: Figure, most: float = 300_000) -> bytes:
    """Draw a figure, in 256 colours if it takes more than `most` bytes; the same bytes for the same picture.

    matplotlib's own `savefig` lays a figure out twice, and writes its version into the file.
    """
    canvas: Any = FigureCanvasAgg(figure)  # whose methods have no types
    canvas.draw()
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    content = _png(picture, dpi=(figure.dpi, figure.dpi)) if most else b""
    return content if 0 < len(content) <= most else _png(picture.convert("RGB").quantize(256), optimize=True)


def _png(picture: Image.Image, **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="png", **options)
    return content.getvalue()
