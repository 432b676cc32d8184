"""What is to be scored: a folder or a Parquet file, listed once and read a part at a time, in bounded memory."""

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.base.errors import InputError
from pipeline.data import pictures

ID, IMAGE, PATH = "id", "image", "path"
ROWS = 500  # of a file that are in memory at once
SUFFIXES = tuple(map(os.fsencode, pictures.SUFFIXES))

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Inputs:
    """`count` rows of a Parquet file: ids and images or, with a `folder`, paths below it. `digest` is of all names."""

    file: Path
    folder: Path | None
    count: int
    digest: str


@dataclass(frozen=True)
class Read:
    """What could be read, ids and uint8 images of (n, height, width, channels); and ids of what could not, and why."""

    ids: list[str]
    images: np.ndarray
    unreadable: list[tuple[str, str]]


def listed(source: Path, shape: Shape, listing: Path) -> Inputs:
    """List what is to be scored, that of a folder into the Parquet file `listing`; raise `InputError` for neither."""
    if source.is_dir():
        return of_folder(source, listing)
    if source.suffix.lower() != ".parquet" or not source.is_file():
        raise InputError(f"{source} is no folder and no Parquet file: name one of the two")
    return of_parquet(source, shape)


def of_folder(folder: Path, listing: Path) -> Inputs:
    """List the PNG and JPEG files below a folder, however deep, into the Parquet file `listing`.

    A folder's files, by name, come before its folders; what is hidden and links to folders are left out. Raise
    `InputError` where there is none.
    """
    digest, count, found = hashlib.sha256(), 0, _pictures(os.fsencode(folder))
    with pq.ParquetWriter(listing, pa.schema([(PATH, pa.binary())])) as writer:
        while rows := list(islice(found, 20 * ROWS)):
            digest.update(b"".join(b"%s\0%d\0" % row for row in rows))
            count += len(rows)
            writer.write_table(pa.table({PATH: pa.array([path for path, _ in rows], pa.binary())}))
    if not count:
        raise InputError(f"{folder} holds no PNG or JPEG file: name a folder that holds some, or a Parquet file")
    return Inputs(listing.resolve(), folder.resolve(), count, digest.hexdigest())


def of_parquet(path: Path, shape: Shape) -> Inputs:
    """Check a Parquet file's columns: `id`, and `image`, of encoded pictures or of raw uint8 values of `shape`.

    Raise `InputError` for a file that is none, for other columns, and for a row without an id.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check(path, file.schema_arrow, shape)
            digest, count = hashlib.sha256(str(path.stat().st_size).encode()), 0
            for batch in file.iter_batches(20 * ROWS, columns=[ID]):
                if batch.column(0).null_count:
                    raise InputError(f"{path} has rows without {ID}, the first after row {count:,}: give each one")
                digest.update("\0".join([*batch.column(0).cast(pa.string()).to_pylist(), ""]).encode())
                count += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from None
    if not count:
        raise InputError(f"{path} has no rows: give some to score")
    return Inputs(path.resolve(), None, count, digest.hexdigest())


def read(inputs: Inputs, first: int, count: int, shape: Shape) -> Read:
    """Read `count` rows, or as many as there are, from row `first` on."""
    ids, images, unreadable = list[str](), list[np.ndarray](), list[tuple[str, str]]()
    for name, decode in _undecoded(inputs, first, count, shape):
        try:
            images.append(decode())
            ids.append(name)
        except InputError as error:
            unreadable.append((name, _shown(os.fsencode(str(error)))))
    return Read(ids, np.stack(images) if images else np.empty((0, *shape), np.uint8), unreadable)


def _undecoded(inputs: Inputs, first: int, count: int, shape: Shape) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Yield each row's id, and what makes an image of it or raises `InputError`."""
    for batch in _rows(inputs.file, [PATH] if inputs.folder else [ID, IMAGE], first, count):
        if inputs.folder:
            for path in batch[PATH].to_pylist():
                yield _shown(path), partial(pictures.read, inputs.folder / os.fsdecode(path), shape)
        else:
            images = batch[IMAGE].storage if isinstance(batch[IMAGE], pa.ExtensionArray) else batch[IMAGE]
            for name, image in zip(batch[ID].cast(pa.string()).to_pylist(), images, strict=True):
                yield name, partial(_decoded, image, name, shape)


def _decoded(image: pa.Scalar, name: str, shape: Shape) -> np.ndarray:
    if _is_encoded(image.type):
        return pictures.decode(image.as_py() or b"", name, shape)
    values: np.ndarray = image.values.to_numpy() if image.is_valid else np.empty(0)
    if len(values) != math.prod(shape):
        raise InputError(f"{name} has {len(values):,} values, {math.prod(shape):,} are needed")
    return values.reshape(shape)


def _pictures(top: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each picture's path below `top`, and its size, or -1 for a link to nothing."""
    for place, folders, names in os.walk(top, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(b"."))
        for name in sorted(names):
            if not name.startswith(b".") and name.lower().endswith(SUFFIXES):
                path = os.path.join(place, name)  # noqa: PTH118  # Path takes ten times as long
                size = os.stat(path).st_size if os.path.exists(path) else -1  # noqa: PTH110, PTH116
                yield path[len(top) :].lstrip(b"/"), size


def _shown(name: bytes) -> str:
    """Return a name as text; bytes that are no UTF-8 are escaped."""
    return name.decode("utf-8", "backslashreplace")


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename!r} cannot be read ({error.strerror}): name a folder of pictures") from None


def _check(path: Path, schema: pa.Schema, shape: Shape) -> None:
    missing = [name for name in (ID, IMAGE) if name not in schema.names]
    if missing:
        raise InputError(f"{path} has no column {' and no '.join(missing)}, only {', '.join(schema.names)}: rename")
    kind = schema.field(ID).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise InputError(f"{path}: {ID} is {kind}: make it strings or integers")
    kind, values = schema.field(IMAGE).type, math.prod(shape)
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    fixed = pa.types.is_fixed_size_list(kind) and kind.list_size == values
    lists = fixed or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not (_is_encoded(kind) or (lists and pa.types.is_uint8(kind.value_type))):
        raise InputError(
            f"{path}: {IMAGE} is {kind}: make it binary, each a whole PNG or JPEG file, or lists of {values:,} uint8 "
            f"values ({' × '.join(map(str, shape))})"
        )


def _is_encoded(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _rows(path: Path, columns: list[str], first: int, count: int) -> Iterator[pa.RecordBatch]:
    """Yield `count` rows from row `first` on, a few at a time; raise `InputError` where they are damaged."""
    try:
        with pq.ParquetFile(path) as file:
            ends = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)])
            group = int(np.searchsorted(ends, first, "right"))  # the first that is wanted
            position, end = int(ends[group - 1]) if group else 0, first + count
            groups = range(len(ends))[group : int(np.searchsorted(ends, end)) + 1]
            for batch in file.iter_batches(ROWS, row_groups=groups, columns=columns):
                if wanted := batch[max(first - position, 0) : end - position]:
                    yield wanted
                position += len(batch)
                if position >= end:
                    return
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is not a whole Parquet file ({str(error).splitlines()[0]}): write it anew")
