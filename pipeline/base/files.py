"""Files written whole or not at all, and always the same bytes for the same content."""

import glob
import hashlib
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil
from ruamel.yaml import YAML, Node
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import YAMLError

from pipeline.base.errors import InputError

DEEPEST, REPEATED = 100, 10_000  # levels of a YAML file, and values that its aliases may repeat

Arrays = dict[str, np.ndarray]


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, made whole under a temporary name first; parent folders are made."""
    with whole(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` as UTF-8 with one newline at its end."""
    write_bytes(path, (content.rstrip("\n") + "\n").encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, keys in the order given."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays as an uncompressed `.npz`, always the same bytes."""
    with whole(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


@contextmanager
def made_by_repro(path: Path, what: str) -> Iterator[None]:
    """Turn what goes wrong while an output of a stage is read into an `InputError` that names it and `dvc repro`."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} is missing: `dvc repro` makes it") from None
    except (ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:  # as NumPy, json and pandas do
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path} is not {what} ({reason}): delete it and run `dvc repro`") from None


def read_text(path: Path) -> str:
    """Read a text file; a missing or broken one is an `InputError` that names it."""
    with made_by_repro(path, "text in UTF-8"):
        return path.read_text("utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken one is an `InputError` that names it."""
    with made_by_repro(path, "JSON"):
        return json.loads(path.read_text("utf-8"))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from YAML 1.2, as DVC does (1e-3 is a number); anything else is an `InputError` that names it."""
    try:
        return parse_yaml(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """Parse a mapping as `read_yaml` does; messages begin with `source`."""
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEEPEST
    try:
        sizes: dict[int, float] = {}
        if "*" in text and _size(yaml.compose(text), sizes) > len(sizes) + REPEATED:
            raise InputError(f"{source}: aliases repeat more than {REPEATED:,} values: write fewer")
        content = yaml.load(text)
    except MaxDepthExceededError:
        raise InputError(f"{source}: nested more than {DEEPEST} levels deep: write it flatter") from None
    except YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", error)
        line = f"line {mark.line + 1}: " if mark else ""
        raise InputError(f"{source}: {line}not YAML: {str(problem).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise InputError(f"{source}: {content!r:.60} is not a mapping of keys to values")
    return content


def read_arrays(path: Path) -> Arrays:
    """Read every array of an `.npz`; a missing or broken one is an `InputError` that names it."""
    with made_by_repro(path, "a whole .npz file"), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def md5(path: Path) -> str:
    """Return a file's MD5 as DVC has it; raise `InputError` if it is missing."""
    with made_by_repro(path, "a file"), path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write, which takes the place of `path` at the end of the block, and is gone if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _size(node: Node | None, sizes: dict[int, float]) -> float:
    """Count a node of YAML and all in it, what aliases repeat as often as they do, and note that by its id."""
    if id(node) not in sizes:
        sizes[id(node)] = math.inf  # for what is inside itself
        pairs = node.value if node and isinstance(node.value, list) else []
        parts = [part for pair in pairs for part in (pair if isinstance(pair, tuple) else [pair])]
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]


def _remove_leftovers(path: Path) -> None:
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        process = leftover.name.split(".")[-2]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            leftover.unlink(missing_ok=True)  # a process that was killed while it wrote has left it
