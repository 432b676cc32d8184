import dataclasses
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base.errors import InputError
from pipeline.config.schema import Fetch
from pipeline.data import arrays, datasets
from pipeline.data.datasets import Dataset
from pipeline.data.decoders.reading import Splits
from pipeline.data.download import PublishedFile
from pipeline.stages import fetch
from tests.idx import as_idx


def put_idx(folder: Path, images: np.ndarray, labels: np.ndarray, ending: str = "") -> list[Path]:
    """Write the same images and labels as training and as test files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for split in ("train", "t10k"):
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = as_idx(array.astype(np.uint8))
            paths.append(folder / f"{split}-{name}-ubyte{ending}")
            paths[-1].write_bytes(gzip.compress(content) if ending else content)
    return paths


def read(root: Path, dataset: Any, mirrors: list[str] | None = None) -> tuple[list[str], Splits]:
    found = datasets.read(Fetch.model_validate({"dataset": dataset}), root, mirrors or [])
    return found.class_names, found.splits


def test_published_files_are_fetched_from_a_mirror_and_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_params: Callable[[dict[str, Any]], Path], raw: dict[str, Any]
) -> None:
    write_params(raw)
    paths = put_idx(tmp_path / "mirror" / "fashion-mnist", np.zeros((10, 28, 28)), np.arange(10), ".gz")
    published = [PublishedFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]
    entry = dataclasses.replace(datasets.DATASETS["fashion_mnist"], files=tuple(published), publishers=())
    monkeypatch.setitem(datasets.DATASETS, "fashion_mnist", entry)
    monkeypatch.setenv("DATASET_MIRROR", "mirror")  # relative to the repository
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["fetch", "raw"])
    fetch.main()
    decoded = arrays.read(tmp_path / "raw" / "test")
    assert decoded[0].shape == (10, 28, 28, 1)
    assert decoded[1].dtype == np.int64
    assert decoded[1].tolist() == list(range(10))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_own_idx_files_call_their_classes_by_number_unless_named(tmp_path: Path, ending: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)
    put_idx(tmp_path / "own", images, np.arange(6) % 3, ending)
    names, splits = read(tmp_path, {"name": "idx_folder", "path": "own"})
    assert names == ["0", "1", "2"]
    np.testing.assert_array_equal(splits["test"][0][..., 0], images)
    named = {"name": "idx_folder", "path": str(tmp_path / "own"), "class_names": ["α", "β", "γ"]}
    assert read(Path("elsewhere"), named)[0] == ["α", "β", "γ"]


def test_own_npz_is_read(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=np.arange(6) % 2)
    names, splits = read(tmp_path, {"name": "npz", "path": "own.npz"})
    assert names == ["0", "1"]
    assert list(splits) == ["train"]
    np.testing.assert_array_equal(splits["train"][0], images)


@pytest.mark.parametrize(
    ("labels", "class_names", "expected"),
    [
        (
            [0, 1, 7, 2, 0, 1],
            ["a", "b", "c"],
            "the train labels are 0 to 7, but 3 classes are named: labels are 0 to 2",
        ),
        ([0, 1, 3, 1, 0, 1], None, "the class 2 has no training image"),
        ([0, 1, 0, 1, 0, 1], ["a", "b", "c"], "the class c has no training image"),
        ([0, 1, 0, 1, 0, 6], None, "a label is 6, but there are 6 training images: label the classes 0, 1, 2"),
    ],
)
def test_labels_that_do_not_fit_the_classes_are_refused(
    tmp_path: Path, labels: list[int], class_names: list[str] | None, expected: str
) -> None:
    put_idx(tmp_path, np.zeros((6, 2, 2)), np.array(labels))
    with pytest.raises(InputError, match=expected):
        read(tmp_path, {"name": "idx_folder", "path": ".", "class_names": class_names})


@pytest.mark.parametrize(
    ("labels", "test_labels", "expected"),
    [
        ([0, 1, -1, 1], [0], "the train labels are -1 to 1, but 2 classes are named"),
        ([0, 1, 10**15, 1], [0], "a label is 1000000000000000, but there are 4 training images"),
        ([0, 1, 0, 1], [2], "the class 2 has no training image"),
    ],
)
def test_labels_that_no_class_can_have_are_refused(
    tmp_path: Path, labels: list[int], test_labels: list[int], expected: str
) -> None:
    splits = {"images": np.zeros((4, 2, 2), np.uint8), "test_images": np.zeros((1, 2, 2), np.uint8)}
    np.savez(tmp_path / "own.npz", allow_pickle=False, **splits, labels=np.array(labels), test_labels=test_labels)
    with pytest.raises(InputError, match=expected):
        read(tmp_path, {"name": "npz", "path": "own.npz"})


def test_splits_of_other_sizes_are_refused(tmp_path: Path) -> None:
    put_idx(tmp_path, np.zeros((2, 3, 3)), np.arange(2))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(as_idx(np.zeros((2, 3, 4), np.uint8)))
    with pytest.raises(InputError, match="the test images are of 3 × 4 × 1, those of train of 3 × 3 × 1"):
        read(tmp_path, {"name": "idx_folder", "path": "."})


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((4, 784)), np.arange(4)),
        (np.arange(4), np.zeros((4, 2, 2))),
        (np.zeros((4, 2, 2)), np.arange(4)[:, None]),
        (np.zeros((4, 0, 2)), np.arange(4)),
        (np.zeros((4, 2, 2, 2)), np.arange(4)),
    ],
    ids=["flat", "swapped", "columns", "empty", "two channels"],
)
def test_idx_files_of_other_shapes_are_refused(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    put_idx(tmp_path, images, labels)
    with pytest.raises(InputError, match=r"give 8-bit ones of \(n, height, width\), perhaps of 1 or 3 channels"):
        read(tmp_path, {"name": "idx_folder", "path": "."})


@pytest.mark.parametrize(("labels", "class_names"), [([0, 1, 0], ["a", "a"]), ([0, 0, 0], None)])
def test_one_class_or_one_name_twice_is_refused(
    tmp_path: Path, labels: list[int], class_names: list[str] | None
) -> None:
    put_idx(tmp_path, np.zeros((3, 2, 2)), np.array(labels))
    with pytest.raises(InputError, match="two or more are needed, no name twice"):
        read(tmp_path, {"name": "idx_folder", "path": ".", "class_names": class_names})


def test_home_of_nobody_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"~nobody-here/x cannot be read \(No such file or directory\)"):
        read(tmp_path, {"name": "npz", "path": "~nobody-here/x"})


def test_unknown_dataset_names_the_nearest(tmp_path: Path) -> None:
    expected = r"fetch\.dataset: fashion is unknown; did you mean fashion_mnist\? allowed: fashion_mnist, digits"
    with pytest.raises(InputError, match=expected):
        read(tmp_path, "fashion")


def test_digits_are_real_and_enlarged() -> None:
    images, labels = datasets.DATASETS["digits"].decode([])["train"]
    assert images.shape == (1797, 28, 28, 1)
    assert images.dtype == np.uint8
    assert images.max() == 255
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.parametrize("dataset", datasets.known().values())
def test_every_entry_is_complete(dataset: Dataset) -> None:
    assert len(set(dataset.class_names)) == len(dataset.class_names)
    assert all(publisher.endswith("/") for publisher in dataset.publishers)
    assert bool(dataset.files) == bool(dataset.publishers)
    assert all(len(file.sha256) == 64 for file in dataset.files if file.sha256)
