"""What each dataset is: its files, their checksums, who publishes them, and how to decode them.

A new published dataset is one more entry of `DATASETS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError, short, unknown_key
from pipeline.config.schema import OWN_KINDS, Fetch, ImageFolder, Own
from pipeline.data.decoders import cifar10, digits, idx, image_folder, notmnist, npz
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

    Paths of one's own are relative to `root`, which also keeps downloads. Raise `InputError` for what is missing,
    broken, or does not fit together.
    """
    if isinstance(fetch.dataset, str):
        dataset = _published(fetch.dataset)
        folder, downloads = fetch.dataset.replace("_", "-"), root / ".downloads" / fetch.dataset
        paths = [find_file(file, folder, mirrors, dataset.publishers, downloads) for file in dataset.files]
        found = Found(list(dataset.class_names), dataset.decode(paths))
    else:
        _check_name(fetch.dataset_name)
        found = _own(fetch.dataset, root / home(fetch.dataset.path))
    _check(found.class_names, found.splits)
    return found


def image_shape(fetch: Fetch) -> tuple[int, int, int] | None:
    """Return the (height, width, channels) of a dataset's images, or None where only its files tell."""
    if isinstance(fetch.dataset, str):
        return _published(fetch.dataset).image_shape
    if isinstance(fetch.dataset, ImageFolder):
        return fetch.dataset.height, fetch.dataset.width, fetch.dataset.channels
    return None


def _published(name: str) -> Dataset:
    if name not in DATASETS:
        raise InputError(f"params.yaml: fetch.dataset: {unknown_key(name, [*DATASETS, *OWN_KINDS])}")
    return DATASETS[name]


def home(path: str) -> Path:
    """Expand a `~`; raise `InputError` where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"params.yaml: fetch: {path}: there is no such home: name the folder in full") from None


def _check_name(name: str) -> None:
    if set("':") & set(name) or not name.strip():
        raise InputError(
            f"params.yaml: fetch.dataset.path: {name!r} would name MLflow's experiment and model: rename it, "
            "without ' and :"
        )


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
        if images.shape[1:] != shape:
            found, others = (" × ".join(map(str, sizes)) for sizes in (images.shape[1:], shape))
            raise InputError(f"the {split} images are of {found}, those of train of {others}")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(class_names):
            raise InputError(
                f"the {split} labels are {labels.min()} to {labels.max()}, but {len(class_names)} classes are named: "
                f"labels are 0 to {len(class_names) - 1}"
            )
    counts = np.bincount(splits["train"][1], minlength=len(class_names))
    if not counts.all():
        empty = class_names[int(counts.argmin())]
        raise InputError(f"the class {empty} has no training image: leave it out, or give it some")


def _mnist_files(*checksums: tuple[str, str]) -> tuple[PublishedFile, ...]:
    """Name MNIST's four files, as Fashion-MNIST calls its own too, with the MD5 and the SHA-256 of each."""
    kinds = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(PublishedFile(f"{kind}-ubyte.gz", *both) for kind, both in zip(kinds, checksums, strict=True))


DATASETS = {
    "fashion_mnist": Dataset(
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        image_shape=(28, 28, 1),
        decode=idx.decode,
        files=_mnist_files(
            ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            ("25c81989df183df01b3e8a0aad5dffbe", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            ("bef4ecab320f06d8554ea6380940ec79", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            ("bb300cfdad3c16e7a12a480ee83cd310", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
        publishers=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
    ),
    "mnist": Dataset(
        class_names=tuple("0123456789"),
        image_shape=(28, 28, 1),
        decode=idx.decode,
        files=_mnist_files(
            ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            ("d53e105ee54ea40749a09fcbcd1e9432", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            ("9fb629c4189551a2d022fa330f9573f3", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            ("ec29112dd5afa0611ce80d1b7f02629c", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
        publishers=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    "cifar10": Dataset(
        class_names=cifar10.CLASS_NAMES,
        image_shape=(32, 32, 3),
        decode=cifar10.decode,
        files=(
            PublishedFile(
                "cifar-10-python.tar.gz",
                "c58f30108f718f92721af3b95e74349a",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ),
        ),
        publishers=("https://www.cs.toronto.edu/~kriz/",),
    ),
    "notmnist": Dataset(
        class_names=tuple("ABCDEFGHIJ"),
        image_shape=(28, 28, 1),
        decode=notmnist.decode,
        files=(PublishedFile("notMNIST_small.mat", md5=None, sha256=None),),
        publishers=("http://yaroslavvb.com/upload/notMNIST/",),
    ),
    "digits": Dataset(class_names=tuple("0123456789"), image_shape=(28, 28, 1), decode=digits.decode),
}
