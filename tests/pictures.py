"""Figures as pixels."""

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image


def drawn(figure: Figure) -> np.ndarray:
    """Return a figure as grey pixels of (height, width)."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return np.asarray(Image.open(content).convert("L"))


def edges(picture: np.ndarray) -> np.ndarray:
    """Return the pixels at the border, which are white unless something is clipped."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
