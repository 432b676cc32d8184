"""Journals of small trainings, and what MLflow has got of them."""

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.network import building, saving
from pipeline.tracking import description
from pipeline.tracking.description import Description
from tests.conftest import ROOT

DEMO = loading.load(ROOT / "recipes" / "demo.yaml")
IMAGES = np.zeros((4, 28, 28, 1), np.uint8)


def training(tmp_path: Path, fingerprint: str = "f" * 64) -> Description:
    return description.of_training(DEMO, Training("vgg", 42), fingerprint)


def row(epoch: int) -> dict[str, float]:
    return {"epoch": epoch, "train_loss": 1 / epoch}


def model_file(tmp_path: Path) -> Path:
    model = building.build(DEMO.models["baseline"], (28, 28, 1), 10, {"scale": [1 / 255], "offset": [0.0]})
    (tmp_path / "vgg.keras").write_bytes(saving.to_bytes(model))
    return tmp_path / "vgg.keras"


def picture(tmp_path: Path, name: str, color: str) -> Path:
    PIL.Image.new("RGB", (1500, 750), color).save(tmp_path / name)
    return tmp_path / name


def artifacts(client: Any, run_id: str, folder: str | None = None) -> list[str]:
    return [file.path for file in client.list_artifacts(run_id, folder)]


def points(client: Any, run_id: str, name: str = "epoch/train_loss") -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run_id, name)]
