"""Images that are there twice, or nearly: between splits and within one, of the same label and of two.

Two images are near duplicates if the root mean square difference of their pixels, 0 to 255, is at most 5 and at most a
tenth of the standard deviation of either's pixels; without the second, nearly empty pictures would all be duplicates.
Among Fashion-MNIST's pairs, those up to 5 look like one photograph; beyond, prints and colours begin to differ.

Whole numbers decide, so that the same images give the same table on every machine.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.data.arrays import Labelled

DIFFERENCE = 5  # of 255, at most
CONTRAST = 10  # times the difference, at least, is the standard deviation
SIDE = 16  # pixels, at most, of the small images that are compared first
BLOCK = 2048  # small images at once
SETTLED = 1 << 24  # pixels at once


def table(splits: Mapping[str, Labelled], class_names: Sequence[str]) -> pd.DataFrame:
    """Tabulate each image that has a duplicate before it, beside that duplicate, the nearest pairs first.

    `splits` maps names to uint8 images of (n, height, width, channels), all of one shape, with their labels. Columns:
    `first split`, `first image`, `first label`, `second split`, `second image`, `second label`, `distance`: the root
    mean square difference of the pixels, 0 for an exact duplicate. Of an image's duplicates in one split with one
    label only the nearest is listed: without the second images, no duplicates would be left.
    """
    images = np.concatenate([part for part, _ in splits.values()])
    listed = pd.concat([_listed(name, labels) for name, (_, labels) in splits.items()], ignore_index=True)
    groups = listed.groupby(["split", "label"]).ngroup().to_numpy()
    pairs = pd.concat([_nearest(block, groups) for block in _near(images, _without_copies(images, groups))])
    pairs = _nearest(pairs, groups)
    listed["label"] = np.array(class_names)[listed["label"]]
    sides = [listed.loc[pairs[side]].reset_index(drop=True).add_prefix(f"{side} ") for side in ("first", "second")]
    distance = np.sqrt(pairs["squares"].to_numpy() / images[0].size)
    return pd.concat([*sides, pd.DataFrame({"distance": distance})], axis=1)


def _listed(split: str, labels: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"split": split, "image": np.arange(len(labels)), "label": labels})


def _without_copies(images: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the numbers of all images but copies within a group, of which a dataset may have thousands, all black."""
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    return np.flatnonzero(~pd.DataFrame({"group": groups, "digest": digests}).duplicated())


def _nearest(pairs: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """Keep of each second image's pairs the nearest of each group, of equal ones the first; the nearest come first."""
    ranked = pairs.sort_values(["squares", "first", "second"])
    return ranked[~ranked.assign(group=groups[ranked["first"]]).duplicated(["second", "group"])]


def _near(images: np.ndarray, firsts: np.ndarray) -> Iterator[pd.DataFrame]:
    """Yield, part by part, the near pairs of one of the images numbered `firsts` and a later one, with their squares.

    Means differ by no more than the root mean square does, so that only images of like brightness are compared.
    """
    flat, small = images.reshape(len(images), -1), _small(images)
    sums = flat.sum(axis=1, dtype=np.int64)
    limits = _limits(flat, sums)
    bounds = _bounds(small, limits)
    order = np.argsort(sums, kind="stable")
    firsts, reach = order[np.isin(order, firsts)], DIFFERENCE * flat.shape[1]
    for seconds in np.split(order, range(BLOCK, len(order), BLOCK)):
        low, high = np.searchsorted(sums[firsts], [sums[seconds[0]] - reach, sums[seconds[-1]] + reach + 1])
        for start in range(low, high, BLOCK):
            some = firsts[start : min(start + BLOCK, high)]
            rows, columns = np.nonzero(small[some] @ small[seconds].T >= bounds[some, None] + bounds[seconds])
            yield _settled(flat, limits, some[rows], seconds[columns])


def _settled(flat: np.ndarray, limits: np.ndarray, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    """Return those of the candidates that are near pairs, the first before the second, with their sums of squares."""
    first, second = first[first < second], second[first < second]
    parts = range(SETTLED // flat.shape[1], len(first), SETTLED // flat.shape[1])
    chosen = zip(np.split(first, parts), np.split(second, parts), strict=True)
    squares = [
        np.square(flat[some].astype(np.int32) - flat[others]).sum(axis=1, dtype=np.int64) for some, others in chosen
    ]
    pairs = pd.DataFrame({"first": first, "second": second, "squares": np.concatenate(squares)})
    return pairs[pairs["squares"] <= np.minimum(limits[first], limits[second])]


def _limits(flat: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the greatest sum of squared differences that each image's duplicates have."""
    pixels = flat.shape[1]
    squares = np.array([np.square(image, dtype=np.int64).sum() for image in flat])
    variances = pixels * squares - sums**2  # times pixels²
    limits: np.ndarray = np.minimum(DIFFERENCE**2 * pixels, variances // (CONTRAST**2 * pixels))
    return limits


def _small(images: np.ndarray) -> np.ndarray:
    """Shrink images so that squared differences of pixels, summed, are at most those of the images; (n, values).

    A pixel is the mean of a square times the root of the square's area (Cauchy and Schwarz), as float32.
    """
    height, width, channels = images.shape[1:]
    side = -(-max(height, width) // SIDE)
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    heights, widths = np.diff(rows, append=height), np.diff(columns, append=width)
    roots = np.sqrt(np.outer(heights, widths))[..., None]
    small = np.empty((len(images), roots.size * channels), np.float32)
    for start in range(0, len(images), BLOCK):
        summed = np.add.reduceat(images[start : start + BLOCK], rows, axis=1, dtype=np.int32)
        small[start : start + BLOCK] = (np.add.reduceat(summed, columns, axis=2) / roots).reshape(len(summed), -1)
    return small


def _bounds(small: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return for each image the part of a bound: only pairs with a product of at least both parts can be near.

    |a|² + |b|² - 2ab <= limit, and what float32 may be wrong by: (values + 8) ε (|a|² + |b|²) is more than that.
    """
    slack = (small.shape[1] + 8) * np.finfo(np.float32).eps
    squares = np.array([np.square(image, dtype=np.float64).sum() for image in small])
    return np.asarray(squares * (1 - slack) / 2 - limits / 4, np.float32)
