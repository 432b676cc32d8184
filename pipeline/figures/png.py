"""Figures as PNG, in few bytes, since git keeps them."""

import io

from matplotlib.figure import Figure
from PIL import Image


def encode(figure: Figure, most: float = 300_000) -> bytes:
    """Draw a figure, in 256 colours if it takes more than `most` bytes; the same bytes for the same picture.

    matplotlib would write its version into the file; that goes.
    """
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    if len(content.getvalue()) > most:
        picture = Image.open(content).convert("RGB").quantize(256)
        content = io.BytesIO()
        picture.save(content, format="png", optimize=True)
    return content.getvalue()
