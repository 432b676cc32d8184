"""Images that are there twice, or nearly: between splits and within one, of the same label and of two.

Two images are near duplicates if the root mean square difference of their pixels, 0 to 255, is at most 5 and at most a
tenth of the standard deviation of either's pixels; without the second, nearly empty pictures would all be duplicates.
Among Fashion-MNIST's pairs, those up to 5 look like one photograph; beyond, prints and colours begin to differ.

Whole numbers decide, so that the same images give the same table on every machine.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from pipeline.data.arrays import Labelled

DIFFERENCE = 5  # of 255, at most
CONTRAST = 10  # times the difference, at least, is the standard deviation
SIDE = 4  # squares, at least, to a side, whose means are compared first


def table(splits: Mapping[str, Labelled], class_names: Sequence[str]) -> pd.DataFrame:
    """Tabulate each image that has a duplicate before it, beside that duplicate, the nearest pairs first.

    `splits` maps names to uint8 images of (n, height, width, channels), all of one shape, with their labels. Columns:
    `first split`, `first image`, `first label`, `second split`, `second image`, `second label`, `distance`: the root
    mean square difference of the pixels, 0 for an exact duplicate. Of an image's duplicates in one split with one
    label only the nearest is listed: without the second images, no duplicates would be left.
    """
    images = np.concatenate([part for part, _ in splits.values()])
    parts = {
        name: pd.DataFrame({"image": np.arange(len(labels)), "label": labels}) for name, (_, labels) in splits.items()
    }
    listed = pd.concat(parts, names=["split"]).reset_index("split").reset_index(drop=True)
    groups = listed.groupby(["split", "label"]).ngroup().to_numpy()
    pairs = _near(images, _without_copies(images, groups)).sort_values(["squares", "first", "second"])
    pairs = pairs[~pairs.assign(group=groups[pairs["first"]]).duplicated(["second", "group"])]
    listed["label"] = np.array(class_names)[listed["label"]]
    sides = [listed.loc[pairs[side]].reset_index(drop=True).add_prefix(f"{side} ") for side in ("first", "second")]
    distance = np.sqrt(pairs["squares"].to_numpy() / images[0].size)
    return pd.concat([*sides, pd.DataFrame({"distance": distance})], axis=1)


def _without_copies(images: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the numbers of all images but copies within a group, of which a dataset may have thousands, all black."""
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    return np.flatnonzero(~pd.DataFrame({"group": groups, "digest": digests}).duplicated())


def _near(images: np.ndarray, firsts: np.ndarray) -> pd.DataFrame:
    """List the near pairs of one of the images numbered `firsts` and a later one, with their sums of squares."""
    flat, small = images.reshape(len(images), -1), _small(images)
    limits = _limits(flat)
    candidates = KDTree(small[firsts]).query_ball_point(small, np.sqrt(limits) * (1 + 1e-9))  # for its rounding
    found = []
    for second, chosen in enumerate(candidates):
        before = firsts[chosen]
        before = before[before < second]
        squares = np.square(flat[before].astype(np.int32) - flat[second]).sum(axis=1, dtype=np.int64)
        near = squares <= np.minimum(limits[before], limits[second])
        found += [(first, second, square) for first, square in zip(before[near], squares[near], strict=True)]
    return pd.DataFrame(found, columns=["first", "second", "squares"], dtype=np.int64)


def _limits(flat: np.ndarray) -> np.ndarray:
    """Return the greatest sum of squared differences that each image's duplicates have."""
    pixels, sums = flat.shape[1], flat.sum(axis=1, dtype=np.int64)
    squares = np.array([np.square(image, dtype=np.int64).sum() for image in flat])
    variances = pixels * squares - sums**2  # times pixels²
    limits: np.ndarray = np.minimum(DIFFERENCE**2 * pixels, variances // (CONTRAST**2 * pixels))
    return limits


def _small(images: np.ndarray) -> np.ndarray:
    """Shrink images so that they are no further from each other than the images themselves; float64 of (n, values).

    A value is the mean of a square times the root of the square's area (Cauchy and Schwarz); what is left over at the
    right and at the bottom is left out.
    """
    count, height, width, channels = images.shape
    side = max(1, min(height, width) // SIDE)
    rows, columns = height // side, width // side
    squares = images[:, : rows * side, : columns * side].reshape(count, rows, side, columns, side, channels)
    small: np.ndarray = squares.sum(axis=(2, 4), dtype=float).reshape(count, -1) / side
    return small
