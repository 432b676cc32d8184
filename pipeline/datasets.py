"""What each dataset is: its files, their checksums, who publishes them, and how to decode them.

A new dataset is one more entry of `DATASETS`.
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import InputError
from pipeline.explain import unknown_key
from pipeline.files import Labelled


@dataclass(frozen=True)
class PublishedFile:
    """A file with the MD5 its publisher states and the SHA-256 of the bytes that have it."""

    name: str
    md5: str
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """A dataset: `decode` turns the paths of its files, in order, into labelled images by split.

    Images are uint8 of (n, height, width, channels), labels int64 of (n,). Without a published test split, `decode`
    returns `train` alone.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    decode: Callable[[list[Path]], dict[str, Labelled]]
    files: tuple[PublishedFile, ...] = ()
    publishers: tuple[str, ...] = ()


def get(name: str) -> Dataset:
    """Return the dataset of that name; raise `InputError` for an unknown one."""
    if name not in DATASETS:
        raise InputError(f"params.yaml: fetch.dataset: {unknown_key(name, DATASETS)}")
    return DATASETS[name]


def find_file(
    file: PublishedFile, folder: str, mirrors: list[str], publishers: tuple[str, ...], downloads: Path
) -> Path:
    """Find one file: in each mirror's `folder`, then at the publishers, keeping what is downloaded in `downloads`.

    Only a file with both checksums is returned. Raise `InputError` that names every place and why it failed.
    """
    places = [f"{mirror.rstrip('/')}/{folder}/{file.name}" for mirror in mirrors]
    places += [f"{publisher}{file.name}" for publisher in publishers]
    failures = []
    for place in places:
        path, failure = _download(place, file, downloads) if "://" in place else (Path(place), None)
        failure = failure or mismatch(path, file)
        if not failure:
            return path
        failures.append(f"\n  {place}: {failure}")
    raise InputError(
        f"{file.name} was not found; tried{''.join(failures)}\n"
        f"Two ways on: put the files into a folder MIRROR/{folder}/ and set DATASET_MIRROR=MIRROR (or a URL like it), "
        "or run `make demo`, which needs no download."
    )


def mismatch(path: Path, file: PublishedFile) -> str | None:
    """Say why `path` is not `file`, or return None if both checksums agree."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return (error.strerror or "unreadable").lower()
    for algorithm, expected in (("md5", file.md5), ("sha256", file.sha256)):
        found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        if found != expected:
            return f"not the published file: {len(content):,} bytes with {algorithm} {found}, not {expected}"
    return None


def _download(url: str, file: PublishedFile, downloads: Path) -> tuple[Path, str | None]:
    import pooch  # here: it takes a quarter of a second, and most runs find a mirror
    import requests

    pooch.get_logger().setLevel("WARNING")
    print(f"fetching {url}", flush=True)
    try:
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=30)
        path = pooch.retrieve(url, f"sha256:{file.sha256}", file.name, downloads, downloader=downloader)
    except requests.HTTPError as error:
        return Path(), str(error).partition(" for url")[0]
    except requests.Timeout:
        return Path(), "no answer within 30 seconds"
    except requests.exceptions.ChunkedEncodingError:
        return Path(), "the connection broke off"
    except requests.exceptions.SSLError:
        return Path(), "the server's certificate was not accepted"
    except requests.ConnectionError as error:
        return Path(), "no answer within 30 seconds" if "timed out" in str(error) else "no connection"
    except requests.RequestException as error:
        return Path(), f"{type(error).__name__}: {error}"
    except ValueError as error:
        refused = "does not match the known hash" in str(error)
        return Path(), f"what was sent does not have the published SHA-256 {file.sha256}" if refused else str(error)
    return Path(path), None


def read_idx(path: Path) -> np.ndarray:
    """Decode a gzipped IDX file of 8-bit values: a magic number that tells the axes, their sizes, the bytes."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is not a whole gzip file: {error}") from None
    axes = content[3] if len(content) > 3 and content[:3] == b"\x00\x00\x08" else 0
    header = 4 + 4 * axes
    if not axes or len(content) < header:
        raise InputError(f"{path} is not an IDX file of 8-bit values: it begins with {content[:4]!r}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", axes, 4))
    if len(content) - header != np.prod(shape):
        raise InputError(f"{path} should hold {shape} values, but holds {len(content) - header:,} bytes of them")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def decode_idx(paths: list[Path]) -> dict[str, Labelled]:
    """Decode training images and labels, test images and labels, in this order."""
    arrays = [read_idx(path) for path in paths]
    return {"train": _labelled(*arrays[:2]), "test": _labelled(*arrays[2:])}


def decode_digits(_: list[Path]) -> dict[str, Labelled]:
    """Enlarge scikit-learn's bundled 8 × 8 digits, of levels 0 to 16, to 28 × 28 pixels of 8 bits (bicubic)."""
    from PIL import Image  # here, with scikit-learn: other datasets need neither
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    small = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((28, 28), Image.Resampling.BICUBIC)) for image in small]
    return {"train": _labelled(np.stack(large), bunch.target)}


def _labelled(images: np.ndarray, labels: np.ndarray) -> Labelled:
    if len(images) != len(labels):
        raise InputError(f"there are {len(images):,} images, but {len(labels):,} labels")
    return images.reshape(*images.shape[:3], -1), labels.astype(np.int64)


DATASETS = {
    "fashion_mnist": Dataset(
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        image_shape=(28, 28, 1),
        decode=decode_idx,
        files=(
            PublishedFile(
                "train-images-idx3-ubyte.gz",
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            PublishedFile(
                "train-labels-idx1-ubyte.gz",
                "25c81989df183df01b3e8a0aad5dffbe",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            PublishedFile(
                "t10k-images-idx3-ubyte.gz",
                "bef4ecab320f06d8554ea6380940ec79",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            PublishedFile(
                "t10k-labels-idx1-ubyte.gz",
                "bb300cfdad3c16e7a12a480ee83cd310",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        publishers=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
    ),
    "digits": Dataset(class_names=tuple("0123456789"), image_shape=(28, 28, 1), decode=decode_digits),
}
