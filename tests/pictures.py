"""Figures as pixels, images and words."""

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image


def drawn(figure: Figure) -> np.ndarray:
    """Return a figure as grey pixels of (height, width)."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return np.asarray(Image.open(content).convert("L"))


def is_whole(figure: Figure) -> bool:
    """Tell whether a figure shows something, and its edges are white, so that nothing is cut off."""
    picture = drawn(figure)
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    return bool(border.min() == 255 and picture.min() < 100)


def words_meet(figure: Figure) -> bool:
    """Tell whether any words of a figure that was drawn lie over others."""
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    return any(boxes[i].overlaps(boxes[j]) for i, j in zip(*np.triu_indices(len(boxes), 1), strict=True))


def texts(figure: Figure) -> list[str]:
    """List the words in a figure's axes."""
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def shown(figure: Figure) -> list[np.ndarray]:
    """List the images in a figure."""
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]
