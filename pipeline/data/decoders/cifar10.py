"""CIFAR-10's archive: a gzipped tar of pickles, of which no code is run."""

import gzip
import io
import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import InputError
from pipeline.base.files import Labelled
from pipeline.data.decoders.reading import LARGEST, Splits, labelled, reading

CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
FOLDER = "cifar-10-batches-py"
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
PICKLED_GLOBALS = ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")


def decode(paths: list[Path]) -> Splits:
    """Decode cifar-10-python.tar.gz, the one path, into `train` (its five batches, in order) and `test`.

    Images are uint8 of (n, 32, 32, 3), labels int64 of (n,), 0 to 9 in the order of `CLASS_NAMES`. Raise
    `InputError` for whatever is not as published, save the number of images in a batch.
    """
    (path,) = paths
    names = [f"{FOLDER}/{name}" for name in (*BATCHES, "batches.meta")]
    members = _tar_members(path, names)
    meta = _unpickled(members.pop(names[-1]), f"{path}: {names[-1]}")
    if meta.get(b"label_names") != [name.encode() for name in CLASS_NAMES]:
        raise InputError(f"{path}: {names[-1]} does not name CIFAR-10's classes: it is not the published file")
    batches = [_batch(members.pop(name), f"{path}: {name}") for name in names[:-1]]
    images, labels = zip(*batches[:-1], strict=True)
    return {"train": (np.concatenate(images), np.concatenate(labels)), "test": batches[-1]}


def _tar_members(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Read the members of those names from a gzipped tar archive."""
    with reading(path, "gzip file"), gzip.open(path) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InputError(f"{path} unpacks to more than {LARGEST:,} bytes: it is not the published file")
    found: dict[str, bytes] = {}
    with reading(path, "tar archive"), tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            _check_member(member, path)
            if member.name in found:
                raise InputError(f"{path} holds {member.name} twice: it is not the published file")
            if member.name in names and (opened := archive.extractfile(member)):
                found[member.name] = opened.read()
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}: it is not the whole published file")
    return found


def _check_member(member: tarfile.TarInfo, path: Path) -> None:
    if member.name.startswith("/") or ".." in member.name.split("/"):
        raise InputError(f"{path} holds {member.name!r}, outside of its own folder: it is not the published file")
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise InputError(f"{path} holds {member.name!r}, which is no plain file: it is not the published file")
    if not 0 <= member.size <= LARGEST:
        raise InputError(f"{path} holds {member.name!r} of {member.size:,} bytes: it is not the published file")


class _Pickled:
    """Stands for a NumPy array or its type while a pickle is read: keeps what it is made from, and makes nothing."""

    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Unpickler(pickle._Unpickler):
    """Reads plain values and `_Pickled` arrays, so that a pickle can call nothing.

    It is the one in Python: the one in C takes gigabytes for an index of 4 bytes that a damaged file may hold.
    """

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in PICKLED_GLOBALS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")
        return _Pickled


def _unpickled(content: bytes, source: str) -> dict[Any, Any]:
    """Read a pickled dictionary that Python 2 wrote; its strings become bytes, its arrays `_Pickled`."""
    with reading(source, "pickle of arrays and plain values"):
        unpickled = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(unpickled, dict):
        raise InputError(f"{source} is no pickled dictionary: it is not the published file")
    return unpickled


def _batch(content: bytes, source: str) -> Labelled:
    batch = _unpickled(content, source)
    pixels, labels = _pixels(batch.get(b"data"), source), batch.get(b"labels")
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label <= 9 for label in labels):
        raise InputError(f"{source}: labels are not a list of numbers from 0 to 9: it is not the published file")
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # all of red, of green, of blue: to each pixel its own
    return labelled(np.ascontiguousarray(images), np.array(labels), source)


def _pixels(pickled: Any, source: str) -> np.ndarray:
    """Return the uint8 array of (n, 3072) that was pickled as version, shape, type, order and bytes."""
    match pickled:
        case _Pickled(state=(1, (int() as rows, 3072), _Pickled(arguments=(b"u1", *_)), fortran, bytes() as values)):
            if rows > 0 and len(values) == rows * 3072:
                return np.frombuffer(values, np.uint8).reshape(rows, 3072, order="F" if fortran else "C")
    raise InputError(f"{source}: data is no array of 8-bit values of (n, 3072): it is not the published file")
