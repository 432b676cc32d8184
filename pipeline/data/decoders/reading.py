"""What decoders share: what they return, one error for whatever is damaged, limits to what is read."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from pipeline.base.errors import InputError
from pipeline.data.arrays import Labelled

Splits = dict[str, Labelled]


@dataclass(frozen=True)
class Found:
    """A dataset's classes in order and labelled images by split; of pictures also their files' names, and remarks."""

    class_names: list[str]
    splits: Splits
    names: dict[str, list[str]] = field(default_factory=dict)
    noticed: list[str] = field(default_factory=list)


@contextmanager
def reading(path: Path | str, what: str) -> Iterator[None]:
    """Turn whatever a library trips over in a damaged file into one `InputError`; its warnings say no more."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:  # libraries promise nothing about which
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path} cannot be read ({error.strerror}): name another {what}") from None
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} is not a whole {what}: {reason:.200}") from None


def labelled(images: np.ndarray, labels: np.ndarray, source: str) -> Labelled:
    """Return images as (n, height, width, channels) and labels as int64.

    Raise `InputError` unless there are 8-bit images of 1 or 3 channels, and a whole number for each.
    """
    channels = images.shape[3:]
    of_images = images.dtype == np.uint8 and images.ndim in (3, 4) and channels in ((), (1,), (3,)) and images.size
    if not (of_images and labels.dtype.kind in "iu" and labels.ndim == 1):
        found = f"images are {images.dtype} of {images.shape}, labels {labels.dtype} of {labels.shape}"
        wanted = "8-bit ones of (n, height, width), perhaps of 1 or 3 channels, and (n,) whole numbers"
        raise InputError(f"{source}: {found}: give {wanted}")
    if len(images) != len(labels):
        raise InputError(f"{source}: there are {len(images):,} images, but {len(labels):,} labels")
    return images.reshape(*images.shape[:3], -1), labels.astype(np.int64)


def require_memory(size: int, source: Path | str, remedy: str) -> None:
    """Raise `InputError` for more bytes than a quarter of the machine's memory: some stages hold that several times."""
    memory = psutil.virtual_memory().total
    if size > memory / 4:
        taken = f"a quarter of this machine's memory, {memory / 4e9:,.1f} GB, is taken at most"
        raise InputError(f"{source} would take {size / 1e9:,.1f} GB, and {taken}: {remedy}")
