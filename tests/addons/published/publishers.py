"""Small files in exactly the format of a dataset's publishers."""

import gzip
import io
import pickle
import struct
import tarfile
import types
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from scipy.io import savemat

from pipeline.addons.published import cifar10 as decoder
from pipeline.data.decoders import digits
from tests.idx import as_idx

NAMES = [name.encode() for name in decoder.CLASS_NAMES]
RANDOM = np.random.default_rng(0)
GLOBALS = {  # what numpy calls itself now: what it called itself when the files were published
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy": "numpy",
    "posix": "posix",
}


class Python2Pickler(pickle._Pickler):
    """Writes protocol 2 as Python 2 does, whose strings are bytes; Python 3 has no way left to write them."""

    write: Callable[[bytes], None]
    memoize: Callable[[Any], None]

    def save_text(self, value: str | bytes) -> None:
        content = value.encode("latin1") if isinstance(value, str) else value
        short = len(content) < 256
        self.write((b"U" + bytes([len(content)]) if short else b"T" + struct.pack("<i", len(content))) + content)
        self.memoize(value)

    def save_called(self, value: Any) -> None:
        self.write(f"c{GLOBALS[value.__module__]}\n{value.__name__}\n".encode())
        self.memoize(value)

    def put(self, index: int) -> bytes:
        return b"q" + bytes([index + 1]) if index < 255 else b"r" + struct.pack("<I", index + 1)

    def get(self, index: int) -> bytes:
        return b"h" + bytes([index + 1]) if index < 255 else b"j" + struct.pack("<I", index + 1)

    dispatch: ClassVar[dict[type, Any]] = {
        **pickle._Pickler.dispatch,
        **dict.fromkeys((bytes, str), save_text),
        **dict.fromkeys((type, types.FunctionType, types.BuiltinFunctionType), save_called),
    }


def python2_pickle(value: Any) -> bytes:
    file = io.BytesIO()
    Python2Pickler(file, 2).dump(value)
    return file.getvalue()


def batch(count: int, name: str, **changes: Any) -> dict[bytes, Any]:
    made = {
        b"batch_label": name.encode(),
        b"labels": RANDOM.integers(0, 10, count).tolist(),
        b"data": RANDOM.integers(0, 256, (count, 3072), np.uint8),
        b"filenames": [f"a_photo_s_{index:06}.png".encode() for index in range(count)],
    }
    return made | {key.encode(): value for key, value in changes.items()}


def cifar10_members() -> dict[str, bytes]:
    """Make what cifar-10-python.tar.gz holds, of 1 to 6 images in place of 10,000 in each batch."""
    batches = {name: python2_pickle(batch(n, name)) for n, name in enumerate(decoder.BATCHES, 1)}
    meta = {b"num_cases_per_batch": 10000, b"label_names": NAMES, b"num_vis": 3072}
    members = batches | {"batches.meta": python2_pickle(meta), "readme.html": b"<html>"}
    return {f"{decoder.FOLDER}/{name}": content for name, content in members.items()}


def tar(members: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as archive:
        folder = tarfile.TarInfo(decoder.FOLDER)
        folder.type = tarfile.DIRTYPE
        for member in (folder, *others):
            archive.addfile(member)
        for name, value in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(value)
            archive.addfile(member, io.BytesIO(value))
    return content.getvalue()


def mat(variables: dict[str, Any], **options: Any) -> bytes:
    content = io.BytesIO()
    savemat(content, variables, **options)
    return content.getvalue()


def mnist() -> list[bytes]:
    """Make MNIST's four files of 300 of scikit-learn's digits, and 100 others for the test split."""
    images, labels = digits.decode([])["train"]
    parts = [
        array[part] for part in (slice(300), slice(300, 400)) for array in (images[..., 0], labels.astype(np.uint8))
    ]
    return [gzip.compress(as_idx(part)) for part in parts]


def cifar10() -> list[bytes]:
    """Make CIFAR-10's archive of 60 random images in each batch."""
    batches = {name: batch(60, name, labels=[n % 10 for n in range(60)]) for name in decoder.BATCHES}
    members = {f"{decoder.FOLDER}/{name}": python2_pickle(content) for name, content in batches.items()}
    return [gzip.compress(tar(cifar10_members() | members))]


def notmnist() -> list[bytes]:
    """Make notMNIST's file of 400 of scikit-learn's digits, in doubles."""
    images, labels = digits.decode([])["train"]
    return [
        mat({"images": images[:400, ..., 0].transpose(1, 2, 0).astype(float), "labels": labels[:400].astype(float)})
    ]
