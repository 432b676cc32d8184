"""A version as a folder, to be served without mlflow and TensorFlow: `model.tflite`, `about.json`, `SHA256SUMS`."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pipeline.base import files
from pipeline.base.errors import InputError

NETWORK, ABOUT, SUMS, POINTER = "model.tflite", "about.json", "SHA256SUMS", "champion.json"
TOLD = ("classes", "dataset", "version", "model", "fingerprint")  # to clients
REMEDY = "delete it, and `python -m pipeline registry fetch` makes it anew"


def root(repository: Path, dataset: str) -> Path:
    """Return the folder of all versions of a dataset."""
    return repository / ".champion" / dataset


def place(root: Path, version: str, fingerprint: str) -> Path:
    """Return the folder of a version below `root`; another store's version of the same number has another."""
    return root / f"{version}-{fingerprint[:12]}"


def write(folder: Path, network: bytes, about: dict[str, Any]) -> None:
    """Write a version; the digests come last, and without them there is none below `.champion/`."""
    files.write_bytes(folder / NETWORK, network)
    files.write_json(folder / ABOUT, about)
    files.write_text(folder / SUMS, _sums(network, (folder / ABOUT).read_bytes()))


def read(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """Return the content of a version's network, and what is told of it.

    Raise `InputError` for a folder that holds none, and for a file whose digest is not that of SHA256SUMS, where that
    lies beside it: a folder that was put together by hand has none.
    """
    network, about = _content(folder / NETWORK), _content(folder / ABOUT)
    if (folder / SUMS).exists() and _content(folder / SUMS) != _sums(network, about).encode():
        raise InputError(f"{folder} is damaged: its files are not those of {SUMS}: {REMEDY}")
    try:
        told = json.loads(about)
        if not {*TOLD, "description"} <= set(told) or not isinstance(told["classes"], list):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise InputError(f"{folder / ABOUT} has not all of {', '.join(TOLD)}, description: {REMEDY}") from None
    return network, told


def whole(folder: Path) -> bool:
    """Tell whether a folder holds a version as it was written."""
    try:
        read(folder)
    except InputError:
        return False
    return (folder / SUMS).exists()


def point(root: Path, folder: Path) -> None:
    """Note below `root` which folder the champion is in."""
    files.write_json(root / POINTER, {"folder": folder.name})


def pointed(root: Path) -> Path | None:
    """Return the folder of the champion as last noted, which may be damaged, or None."""
    try:
        folder: Path = root / json.loads((root / POINTER).read_bytes())["folder"]
        return folder if folder.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        remedy = f"name a folder with {NETWORK} and {ABOUT}, as .champion/ has them"
        raise InputError(f"{path} cannot be read ({error.strerror}): {remedy}") from None


def _sums(network: bytes, about: bytes) -> str:
    """Write digests as `sha256sum --check` reads them."""
    contents = {NETWORK: network, ABOUT: about}
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
