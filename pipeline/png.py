"""Figures as PNG, in few bytes, since git keeps them."""

import io

from matplotlib.figure import Figure
from PIL import Image


def encode(figure: Figure, most: int = 300_000) -> bytes:
    """Draw a figure as `files.write_figure` does, or in 256 colours if that takes more than `most` bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    if len(content.getvalue()) > most:
        picture = Image.open(content).convert("RGB").quantize(256)
        content = io.BytesIO()
        picture.save(content, format="png", optimize=True)
    return content.getvalue()
