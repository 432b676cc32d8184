"""The folder of results: what decided about them, which parts are there, what could not be read."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from pipeline.addons.score.inputs import Read
from pipeline.base import files, tables
from pipeline.base.errors import InputError

# Readers of a folder of Parquet files leave out what begins with `_` or `.`.
NOTE, MODEL, UNREADABLE, LOCK = "_scoring.json", "_model.keras", "_unreadable.csv", "_lock"


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Make the folder, and let one command at a time write into it.

    Raise `InputError` for a second one, and for a folder of other files.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        strange = sorted(file.name for file in out.iterdir() if not file.name.startswith(("_", ".")))
        if strange and not (out / NOTE).exists():
            raise InputError(f"--out {out} holds {strange[0]}, which no scoring wrote: name an empty or a new folder")
        with FileLock(out / LOCK, timeout=0):
            yield
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"--out {out} is no folder: name another") from None
    except Timeout:
        raise InputError(f"--out {out} is being written by another scoring: wait, or name another folder") from None


def begin(out: Path, note: dict[str, Any], model: bytes) -> None:
    """Note what decides about the results, and keep the model, a `.keras` file's content, for all who score.

    Raise `InputError` where the folder holds other results.
    """
    if not (out / NOTE).exists():
        files.write_json(out / NOTE, note)
    before = files.read_json(out / NOTE)
    for key, value in note.items():
        if before.get(key) != value:
            raise InputError(f"--out {out} holds results of another {key}: name another folder, or delete this one")
    files.write_bytes(out / MODEL, model)


def path(out: Path, number: int) -> Path:
    """Return the file of a part."""
    return out / f"part-{number:05d}.parquet"


def write(file: Path, read: Read, probabilities: np.ndarray, class_names: list[str]) -> None:
    """Write a part: `id`, `class`, `probability`, `probabilities` in the order of `class_names`, in the metadata.

    `probabilities` are float32 of (n, classes).
    What could not be read stands in the metadata too, so that a file says all of its part, whole or not at all.
    """
    columns = {
        "id": pa.array(read.ids, pa.string()),
        "class": pa.array([class_names[index] for index in probabilities.argmax(axis=1)], pa.string()),
        "probability": probabilities.max(axis=1),
        "probabilities": pa.FixedSizeListArray.from_arrays(probabilities.ravel(), len(class_names)),
    }
    metadata = {"class_names": json.dumps(class_names), "unreadable": json.dumps(read.unreadable)}
    content = io.BytesIO()
    pq.write_table(pa.table(columns, metadata=metadata), content)
    files.write_bytes(file, content.getvalue())


def unreadable(out: Path) -> int:
    """Write the ids of all that could not be read, and why, to _unreadable.csv, if there is any; return how many."""
    schemas = [pq.read_schema(file) for file in sorted(out.glob("part-*.parquet"))]
    listed = [row for schema in schemas for row in json.loads(schema.metadata[b"unreadable"])]
    if listed:
        tables.write_csv(out / UNREADABLE, pd.DataFrame(listed, columns=["id", "reason"]))
    return len(listed)
