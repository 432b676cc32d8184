from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.data import arrays
from pipeline.stages import prepare

Write = Callable[[dict[str, Any]], Path]


@pytest.fixture
def prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: dict[str, Any], write_params: Write
) -> Callable[..., Path]:
    """Return a function that prepares splits of pictures of three letters; other arguments are params of `prepare`."""

    def run(splits: dict[str, files.Arrays], **changes: Any) -> Path:
        raw["prepare"] |= changes
        write_params(raw)
        for name, split in splits.items():
            arrays.write(tmp_path / "raw" / name, **split)
        files.write_json(tmp_path / "raw" / "dataset.json", {"name": "letters", "class_names": ["A", "B", "C"]})
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["prepare", "raw", "prepared", "samples.png"])
        prepare.main()
        return tmp_path / "prepared"

    return run


def pictures(labels: list[int]) -> files.Arrays:
    """Make a picture of 4 × 4 pixels for each label, each of a level of its own."""
    levels = np.arange(len(labels), dtype=np.uint8)
    return {"images": np.tile(levels[:, None, None, None], (1, 4, 4, 1)), "labels": np.array(labels)}


def test_tail_of_data_in_the_order_of_classes_is_refused(tmp_path: Path, prepared: Callable[..., Path]) -> None:
    split = pictures([0] * 4 + [1] * 4 + [2] * 4)
    with pytest.raises(InputError, match=r"prepare\.split tail leaves no training image of C: use stratified"):
        prepared({"train": split, "test": split}, split="tail", validation_fraction=0.34)
    assert not (tmp_path / "prepared").exists()


def test_without_a_validation_part_its_file_is_empty_but_there(prepared: Callable[..., Path]) -> None:
    split = pictures([0, 1, 2] * 4)
    folder = prepared({"train": split, "test": split}, split="tail", validation_fraction=0)
    assert files.read_json(folder / "dataset.json")["counts"]["validation"] == {"A": 0, "B": 0, "C": 0}
    assert arrays.read(folder / "validation")[0].shape == (0, 4, 4, 1)
    assert len(arrays.read(folder / "train")[1]) == 12


def test_names_of_files_stay_with_their_images(prepared: Callable[..., Path]) -> None:
    split = pictures([0, 1, 2] * 4) | {"names": np.array([f"{level}.png" for level in range(12)])}
    folder = prepared({"train": split}, split="random", validation_fraction=0.5)
    for part in ("train", "validation", "test"):
        images, _ = arrays.read(folder / part)
        assert arrays.names(folder / part).tolist() == [f"{level}.png" for level in images[:, 0, 0, 0]]  # type: ignore[union-attr]
