"""Which images are held out, and the constants that scale pixels, fitted on the training part alone."""

import math

import numpy as np

from pipeline.base.errors import InputError
from pipeline.base.files import Labelled
from pipeline.config.schema import Prepare


def three_parts(train: Labelled, test: Labelled | None, prepare: Prepare) -> dict[str, Labelled]:
    """Return `train`, `validation` and `test`; without a published `test`, a stratified part of `train` becomes it.

    Without a `validation_fraction`, `validation` is empty.
    """
    if test is None:
        train, test = _parts(train, *split(train[1], prepare.test_fraction, "stratified", prepare.seed))
    if not prepare.validation_fraction:
        return {"train": train, "validation": (train[0][:0], train[1][:0]), "test": test}
    train, validation = _parts(train, *split(train[1], prepare.validation_fraction, prepare.split, prepare.seed))
    return {"train": train, "validation": validation, "test": test}


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
    indices = np.arange(len(labels))
    if how == "tail":
        return indices[: len(labels) - held_out], indices[len(labels) - held_out :]
    from sklearn.model_selection import train_test_split  # here: a tail split does without scikit-learn

    try:
        stratify = labels if how == "stratified" else None
        kept, held = train_test_split(indices, test_size=held_out, stratify=stratify, random_state=seed)
    except ValueError as error:
        raise InputError(f"a {how} split of {fraction} of {len(labels):,} images is impossible: {error}") from None
    return np.sort(kept), np.sort(held)


def scaling(images: np.ndarray, how: str) -> dict[str, list[float]]:
    """Return `scale` and `offset`, one number a channel, for a network's input `pixel * scale + offset`.

    `unit` divides by 255; `min_max` brings the least and greatest pixel to 0 and 1; `standard` brings each channel to
    mean 0 and standard deviation 1. Images are uint8 of (n, height, width, channels).
    """
    channels = images.shape[-1]
    if how == "unit":
        low, span = np.zeros(channels), np.full(channels, 255.0)
    elif how == "min_max":
        low = np.full(channels, float(images.min()))
        span = np.full(channels, float(images.max())) - low
    else:
        low = images.mean(axis=(0, 1, 2), dtype=np.float64)
        span = images.std(axis=(0, 1, 2), dtype=np.float64)
    if not span.all():
        raise InputError(f"scaling {how} is impossible: every training pixel is {low[span == 0][0]:g}; use unit")
    return {"scale": (1 / span).tolist(), "offset": (0 - low / span).tolist()}


def counts(labels: np.ndarray, class_names: list[str]) -> dict[str, int]:
    """Count the labels of each class."""
    return dict(zip(class_names, np.bincount(labels, minlength=len(class_names)).tolist(), strict=True))


def _parts(labelled: Labelled, kept: np.ndarray, held: np.ndarray) -> tuple[Labelled, Labelled]:
    images, labels = labelled
    return (images[kept], labels[kept]), (images[held], labels[held])
