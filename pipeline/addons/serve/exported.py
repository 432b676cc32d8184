"""A version as a folder that can be served without mlflow or TensorFlow: `model.tflite` and `about.json`."""

from pathlib import Path
from typing import Any

from pipeline.addons.serve.model import TOLD, Model
from pipeline.base import files
from pipeline.base.errors import InputError

NETWORK, ABOUT, POINTER = "model.tflite", "about.json", "champion.json"


def root(repository: Path, dataset: str) -> Path:
    """Return the folder of all versions of a dataset."""
    return repository / ".champion" / dataset


def place(root: Path, version: str, fingerprint: str) -> Path:
    """Return the folder of a version below `root`; another store's version of the same number has another."""
    return root / f"{version}-{fingerprint[:12]}"


def write(folder: Path, network: bytes, about: dict[str, Any]) -> None:
    """Write a version: `about.json` comes last, and without it there is none."""
    files.write_bytes(folder / NETWORK, network)
    files.write_json(folder / ABOUT, about)


def whole(folder: Path) -> bool:
    """Tell whether a folder holds a version."""
    return (folder / ABOUT).is_file()


def read(folder: Path, threads: int) -> Model:
    """Load a version; raise `InputError` for a folder that holds none, or one whose files do not fit each other."""
    if not whole(folder):
        raise InputError(f"{folder} holds no {ABOUT}: name a folder with {NETWORK} and {ABOUT}, as .champion/ has them")
    about = files.read_json(folder / ABOUT)
    if (
        not isinstance(about, dict)
        or not set(about) >= {*TOLD, "description"}
        or not isinstance(about["classes"], list)
    ):
        raise InputError(f"{folder / ABOUT} has not all of {', '.join(TOLD)}, description: export the model again")
    try:
        content = (folder / NETWORK).read_bytes()
    except OSError as error:
        raise InputError(f"{folder / NETWORK} cannot be read ({error.strerror}): export the model again") from None
    return Model(content, about, threads)


def point(root: Path, store: str, folder: Path) -> None:
    """Note below `root` which folder the champion of a store is in."""
    files.write_json(root / POINTER, {"store": store, "folder": folder.name})


def pointed(root: Path, store: str) -> Path | None:
    """Return the folder of the champion as last noted for a store, or None."""
    if not (root / POINTER).is_file():
        return None
    noted = files.read_json(root / POINTER)
    return root / noted["folder"] if noted.get("store") == store and whole(root / noted["folder"]) else None
