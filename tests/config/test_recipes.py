"""The recipe for one's own pictures."""

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.workspace import Workspace
from pipeline.base import files
from pipeline.data.decoders import digits
from tests.conftest import ROOT

CLASSES = ["零", "一", "कुत्ता & co.", "三", "四", "五", "六", "七", "八", "九"]  # MLflow refuses the third in a metric


@pytest.mark.slow
def test_own_pictures_go_the_whole_way(tmp_path: Path) -> None:
    images, labels = digits.decode([])["train"]
    for index, (image, label) in enumerate(zip(images[:150, ..., 0], labels[:150], strict=True)):
        folder = tmp_path / "numerals" / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    (tmp_path / "numerals" / "零" / "broken.png").write_bytes(b"\x89PNG")
    raw = files.read_yaml(ROOT / "recipes" / "image_folder.yaml")
    raw["fetch"]["dataset"] |= {"path": "../numerals", "height": 20, "width": 16, "channels": 1}
    raw["train"]["epochs"] = 1
    raw["models"]["cnn"]["blocks"] = [{"filters": [4]}]
    workspace = Workspace(tmp_path / "workspace")
    workspace.write(raw)
    done = workspace.run("dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pictures that cannot be read, left out: 1 of 151 ['零/broken.png']" in done.stdout
    (run,) = workspace.runs(experiment="numerals")
    assert run.data.params["dataset.path"] == "../numerals"
    predicted = workspace.run("pipeline", "predict", "../numerals/七", "--model", "cnn", "--json")
    assert set(json.loads(predicted.stdout)[0]["probabilities"]) == set(CLASSES)
