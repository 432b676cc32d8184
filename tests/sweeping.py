"""A folder with a small prepared dataset, in which sweeps run."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from pipeline.base import files
from pipeline.data import arrays
from pipeline.data.decoders import digits
from pipeline.tracking import paths
from tests.conftest import ROOT

SMALL: dict[str, Any] = {
    "blocks": [{"filters": [4, 4], "padding": ["same", "valid"]}, {"filters": [8]}],
    "dense": [{"units": 8}],
    "train": {"epochs": 2},
}


def prepare(folder: Path, images: int = 80) -> None:
    """Put what a sweep reads into a folder: code, `small` in params.yaml, and digits as `prepare` leaves them."""
    (folder / "pipeline").symlink_to(ROOT / "pipeline")
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, folder)
    raw = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"models": {"small": SMALL}, "gate": {}}
    write(folder / "params.yaml", raw)
    pictures, labels = digits.decode([])["train"]
    for part, some in ((paths.TRAIN, slice(images)), (paths.VALIDATION, slice(images, 2 * images))):
        arrays.write(folder / part, pictures[some], labels[some])
    scaling = {"scale": [1 / 255], "offset": [0.0]}
    dataset = {"image_shape": list(pictures.shape[1:]), "class_names": list("0123456789"), "scaling": scaling}
    files.write_json(folder / paths.DATASET, dataset)
    assert np.unique(labels[:images]).size == 10


def write(path: Path, content: dict[str, Any]) -> Path:
    """Write a YAML file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(content, file)
    return path
