"""Figures as PNG, in few bytes, since git keeps them."""

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


def encode(figure: Figure) -> bytes:
    """Draw a figure in 256 colours; the same bytes for the same picture.

    matplotlib's own `savefig` lays a figure out twice, and writes its version into the file.
    """
    canvas: Any = FigureCanvasAgg(figure)  # whose methods have no types
    canvas.draw()
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    content = io.BytesIO()
    picture.convert("RGB").quantize(256).save(content, format="png", optimize=True)
    return content.getvalue()
