"""Figures as pixels, images and words."""

import io

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
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
    """Tell whether the words above any two images of a figure that was drawn lie over each other."""
    boxes = [title.get_window_extent() for title in _titles(figure)]
    return any(boxes[i].overlaps(boxes[j]) for i, j in zip(*np.triu_indices(len(boxes), 1), strict=True))


def texts(figure: Figure) -> list[str]:
    """List the lines of a figure's title, of its images' titles and of the words in its axes."""
    titles = [figure.get_suptitle(), *(title.get_text() for title in _titles(figure))]
    written = [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]
    return [line for title in titles for line in title.splitlines()] + written


def shown(figure: Figure) -> list[np.ndarray]:
    """List the images in a figure."""
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


def _titles(figure: Figure) -> list[Text]:
    titles = [axes.findobj(Text, include_self=False) for axes in figure.axes if axes.images]
    return [text for found in titles for text in found if text.get_text() and text.get_fontsize() == 6.5]
