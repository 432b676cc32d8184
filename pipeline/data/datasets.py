"""What each dataset is: its files, their checksums, who publishes them, and how to decode them.

A new published dataset is one more entry of `DATASETS`, here or in an add-on.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import addons
from pipeline.base.errors import InputError, short, unknown_key
from pipeline.config.schema import Fetch, ImageFolder, Own
from pipeline.data.decoders import digits, idx, image_folder, npz
from pipeline.data.decoders.reading import Found, Splits
from pipeline.data.download import PublishedFile, find_file


@dataclass(frozen=True)
class Dataset:
    """A published dataset: `decode` turns the paths of its files, in order, into labelled images by split.

    Images are uint8 of (n, height, width, channels), labels int64 of (n,). Without a published test split, `decode`
    returns `train` alone.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    decode: Callable[[list[Path]], Splits]
    files: tuple[PublishedFile, ...] = ()
    publishers: tuple[str, ...] = ()


def read(fetch: Fetch, root: Path, mirrors: list[str]) -> Found:
    """Find, verify and decode a dataset.

    Paths are relative to `root`, which also keeps downloads. Raise `InputError` for what is missing, broken, or does
    not fit together.
    """
    if isinstance(fetch.dataset, str):
        dataset = _published(fetch.dataset)
        folder, downloads = fetch.dataset.replace("_", "-"), root / ".downloads" / fetch.dataset
        places = [mirror if "://" in mirror else str(_expanded(root, mirror)) for mirror in mirrors]
        paths = [find_file(file, folder, places, dataset.publishers, downloads) for file in dataset.files]
        found = Found(list(dataset.class_names), dataset.decode(paths))
    else:
        found = _own(fetch.dataset, _expanded(root, fetch.dataset.path))
    _check(found.class_names, found.splits)
    return found


def image_shape(fetch: Fetch) -> tuple[int, int, int] | None:
    """Return the (height, width, channels) of a dataset's images, or None where only its files tell."""
    if isinstance(fetch.dataset, str):
        return _published(fetch.dataset).image_shape
    if isinstance(fetch.dataset, ImageFolder):
        return fetch.dataset.height, fetch.dataset.width, fetch.dataset.channels
    return None


def mnist_files(*checksums: str) -> tuple[PublishedFile, ...]:
    """Name MNIST's four files, as Fashion-MNIST calls its own too, with the SHA-256 of each."""
    kinds = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(PublishedFile(f"{kind}-ubyte.gz", sha256) for kind, sha256 in zip(kinds, checksums, strict=True))


def known() -> dict[str, Dataset]:
    """Return all published datasets, the core's and those of add-ons, by name."""
    found = dict(DATASETS)
    for module in addons.modules("datasets").values():
        found |= module.DATASETS
    return found


def _published(name: str) -> Dataset:
    if not (dataset := known().get(name)):
        raise InputError(f"params.yaml: fetch.dataset: {unknown_key(name, known())}; or your own: docs/own-data.md")
    return dataset


def _expanded(root: Path, path: str) -> Path:
    """Return a path relative to `root`, a `~` at its beginning expanded where there is such a home."""
    return root / os.path.expanduser(path)  # noqa: PTH111  # pathlib's raises where there is none


def _own(dataset: Own, path: Path) -> Found:
    if isinstance(dataset, ImageFolder):
        return image_folder.read(path, (dataset.height, dataset.width, dataset.channels), dataset.unreadable_fraction)
    splits = idx.decode(idx.find(path)) if dataset.name == "idx_folder" else npz.decode(path)
    return Found(dataset.class_names or _numbered(splits), splits)


def _numbered(splits: Splits) -> list[str]:
    """Call each class by its label; raise `InputError` for a label that leaves too few images for the classes."""
    last, count = max(int(labels.max()) for _, labels in splits.values()), len(splits["train"][1])
    if last >= count:
        raise InputError(f"a label is {last}, but there are {count:,} training images: label the classes 0, 1, 2, ...")
    return [str(label) for label in range(last + 1)]


def _check(class_names: list[str], splits: Splits) -> None:
    """Raise `InputError` unless every label has a name, every class an image to train on, and all images one shape."""
    if len(class_names) < 2 or len(set(class_names)) < len(class_names):
        raise InputError(f"the classes are {short(class_names)}: two or more are needed, no name twice")
    shape = splits["train"][0].shape[1:]
    for split, (images, labels) in splits.items():
        if not len(labels):
            raise InputError(f"there are no {split} images: add some, or leave {split} out")
        if images.shape[1:] != shape:
            found, others = (" × ".join(map(str, sizes)) for sizes in (images.shape[1:], shape))
            raise InputError(f"the {split} images are of {found}, those of train of {others}")
        if not 0 <= labels.min() <= labels.max() < len(class_names):
            raise InputError(
                f"the {split} labels are {labels.min()} to {labels.max()}, but {len(class_names)} classes are named: "
                f"labels are 0 to {len(class_names) - 1}"
            )
    counts = np.bincount(splits["train"][1], minlength=len(class_names))
    if not counts.all():
        empty = class_names[int(counts.argmin())]
        raise InputError(f"the class {empty} has no training image: leave it out, or give it some")


DATASETS = {
    "fashion_mnist": Dataset(
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        image_shape=(28, 28, 1),
        decode=idx.decode,
        files=mnist_files(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        publishers=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
    ),
    "digits": Dataset(class_names=tuple("0123456789"), image_shape=(28, 28, 1), decode=digits.decode),
}
