"""Which images are held out, and the constants that scale pixels, fitted on the training part alone."""

import math
from collections.abc import Mapping

import numpy as np
from sklearn.model_selection import train_test_split

from pipeline.base.errors import InputError
from pipeline.config.schema import Prepare
from pipeline.data import arrays
from pipeline.data.arrays import Array


def three_parts(labels: Mapping[str, np.ndarray], prepare: Prepare) -> dict[str, tuple[str, np.ndarray]]:
    """Return of `train`, `validation` and `test` from which published split each is, and the numbers of its rows there.

    `labels` are those of the published splits. Without a published `test`, a stratified part of `train` becomes it;
    without a `validation_fraction`, `validation` is empty.
    """
    train = np.arange(len(labels["train"]))
    if "test" in labels:
        test = "test", np.arange(len(labels["test"]))
    else:
        train, held_out = split(labels["train"], prepare.test_fraction, "stratified", prepare.seed)
        test = "train", held_out
    validation = train[:0]
    if prepare.validation_fraction:
        kept, held_out = split(labels["train"][train], prepare.validation_fraction, prepare.split, prepare.seed)
        train, validation = train[kept], train[held_out]
    return {"train": ("train", train), "validation": ("train", validation), "test": test}


def split(labels: np.ndarray, fraction: float, how: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices kept and the indices held out, both in ascending order.

    `n - floor(n * (1 - fraction))` are held out, as Keras's `validation_split` does: the last ones (`tail`), any
    (`random`), or as many of each class as its share (`stratified`). Raise `InputError` where that is impossible.
    """
    held_out = len(labels) - math.floor(len(labels) * (1 - fraction))
    if not 0 < held_out < len(labels):
        raise InputError(
            f"a split of {fraction} of {len(labels):,} images leaves one part empty: choose another fraction"
        )
    options = {"shuffle": False} if how == "tail" else {"random_state": seed}
    try:
        kept, held = train_test_split(
            np.arange(len(labels)), test_size=held_out, stratify=labels if how == "stratified" else None, **options
        )
    except ValueError:
        raise InputError(
            f"a {how} split of {fraction} of {len(labels):,} images is impossible: each class needs two of them, "
            "and each part as many as there are classes"
        ) from None
    return np.sort(kept), np.sort(held)


def scaling(images: Array, how: str) -> dict[str, list[float]]:
    """Return `scale` and `offset`, one number a channel, for a network's input `pixel * scale + offset`.

    `unit` divides by 255; `min_max` brings the least and greatest pixel to 0 and 1; `standard` brings each channel to
    mean 0 and standard deviation 1. Images are uint8 of (n, height, width, channels).
    """
    channels, levels = images.shape[-1], np.arange(256.0)
    if how == "unit":
        low, span = np.zeros(channels), np.full(channels, 255.0)
    elif how == "min_max":
        present = np.flatnonzero(_counted(images).any(axis=0))
        low = np.full(channels, float(present[0]))
        span = np.full(channels, float(present[-1])) - low
    else:
        counted = _counted(images)
        shares = counted / counted[0].sum()
        low = (shares * levels).sum(axis=1)
        span = np.sqrt((shares * (levels - low[:, None]) ** 2).sum(axis=1))
    if not span.all():
        raise InputError(f"scaling {how} is impossible: every training pixel is {low[span == 0][0]:g}; use unit")
    return {"scale": (1 / span).tolist(), "offset": (0 - low / span).tolist()}


def counts(labels: np.ndarray, class_names: list[str]) -> dict[str, int]:
    """Count the labels of each class."""
    return dict(zip(class_names, np.bincount(labels, minlength=len(class_names)).tolist(), strict=True))


def _counted(images: Array) -> np.ndarray:
    """Count the pixels of each level, (channels, 256)."""
    counted = np.zeros((images.shape[-1], 256), np.int64)
    for part in arrays.parts(images):
        counted += [np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(part, -1, 0)]
    return counted
