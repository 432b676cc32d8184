from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.stages import prepare

Write = Callable[[dict[str, Any]], Path]


def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch, labels: list[int]) -> Path:
    """Prepare a picture of 4 × 4 pixels for each label, two thirds of them for training."""
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 4, 4, 1), np.uint8)
    split = {"images": images, "labels": np.array(labels)}
    files.write_arrays(folder / "raw" / "train.npz", split)
    files.write_arrays(folder / "raw" / "test.npz", split)
    files.write_json(folder / "raw" / "dataset.json", {"name": "letters", "class_names": ["A", "B", "C"]})
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["prepare", "raw", "prepared", "samples.png"])
    prepare.main()
    return folder / "prepared"


def test_tail_of_data_in_the_order_of_classes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_params: Write, raw: dict[str, Any]
) -> None:
    raw["prepare"] |= {"split": "tail", "validation_fraction": 0.34}
    write_params(raw)
    with pytest.raises(InputError, match=r"prepare\.split tail leaves no training image of C: use stratified"):
        prepared(tmp_path, monkeypatch, [0] * 4 + [1] * 4 + [2] * 4)
    assert not (tmp_path / "prepared").exists()


def test_without_a_validation_part_its_file_is_empty_but_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_params: Write, raw: dict[str, Any]
) -> None:
    raw["prepare"] |= {"split": "tail", "validation_fraction": 0}
    write_params(raw)
    folder = prepared(tmp_path, monkeypatch, [0, 1, 2] * 4)
    assert files.read_json(folder / "dataset.json")["counts"]["validation"] == {"A": 0, "B": 0, "C": 0}
    assert files.read_labelled(folder / "validation.npz")[0].shape == (0, 4, 4, 1)
    assert len(files.read_labelled(folder / "train.npz")[1]) == 12


def test_names_of_files_stay_with_their_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_params: Write, raw: dict[str, Any]
) -> None:
    raw["prepare"] |= {"split": "random", "validation_fraction": 0.5}
    write_params(raw)
    levels = np.arange(12)
    images = np.broadcast_to(levels[:, None, None, None], (12, 4, 4, 1)).astype(np.uint8)
    split: files.Arrays = {
        "images": images,
        "labels": levels % 3,
        "names": np.array([f"{level}.png" for level in levels]),
    }
    files.write_arrays(tmp_path / "raw" / "train.npz", split)
    files.write_json(tmp_path / "raw" / "dataset.json", {"name": "letters", "class_names": ["A", "B", "C"]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["prepare", "raw", "prepared", "samples.png"])
    prepare.main()
    for part in ("train", "validation", "test"):
        arrays = files.read_arrays(tmp_path / "prepared" / f"{part}.npz")
        assert arrays["names"].tolist() == [f"{level}.png" for level in arrays["images"][:, 0, 0, 0]]
