"""Figures of what a network has learnt; the caller saves them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from pipeline.figures.gallery import on_paper

MAPS = 16  # of a block


def features(image: np.ndarray, maps: Mapping[str, np.ndarray]) -> Figure:
    """Show an image of (height, width, channels), and below it the first of each block's (rows, columns, filters)."""
    if not maps:
        return _words("This network has no blocks.")
    figure = Figure(figsize=(0.65 * MAPS, 0.95 * (1 + len(maps)) + 0.3), dpi=110, layout="constrained")
    grid = figure.subplots(1 + len(maps), MAPS, squeeze=False)
    for axes in grid.ravel():
        axes.axis("off")
    grid[0, 0].imshow(np.squeeze(on_paper(image)), cmap="gray", vmin=0, vmax=255)
    for row, (name, block) in zip(grid[1:], maps.items(), strict=True):
        count = block.shape[-1]
        which = f"{count}" if count <= MAPS else f"first {MAPS} of {count}"
        title = row[0].set_title(f"{name}: {which}", fontsize=8, loc="left")
        title.set_in_layout(False)  # or its column would be as wide as the words
        for axes, one in zip(row, np.moveaxis(block, -1, 0), strict=False):
            axes.imshow(one, cmap="Greys")
    figure.suptitle("A test image, and what each block makes of it: the darker, the stronger", fontsize=9)
    return figure


def heat(images: np.ndarray, heats: np.ndarray | None, captions: Sequence[str]) -> Figure:
    """Show images and, over each, the places that speak for the class in its caption."""
    if heats is None:
        return _words("This network has no maps that say where it looks.")
    figure = Figure(figsize=(1.5 * len(images), 3.5), dpi=110, layout="constrained")
    grid = figure.subplots(2, len(images), squeeze=False)
    height, width = images.shape[1:3]
    for (upper, lower), image, warmth, caption in zip(grid.T, images, heats, captions, strict=True):
        for axes in (upper, lower):
            axes.imshow(np.squeeze(on_paper(image)), cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
            axes.axis("off")
        upper.set_title(caption, fontsize=7, parse_math=False)
        lower.imshow(warmth, cmap="inferno", alpha=0.6, extent=(0, width, height, 0), interpolation="bilinear")
    figure.suptitle("What speaks for the predicted class (Grad-CAM): the brighter, the more", fontsize=9)
    return figure


def _words(words: str) -> Figure:
    figure = Figure(figsize=(5, 0.8), dpi=110)
    figure.text(0.02, 0.5, words, fontsize=9, va="center")
    return figure
