from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from pipeline.addons.published import notmnist
from pipeline.data.arrays import Labelled
from tests.addons.published.publishers import RANDOM, mat
from tests.decoding import has_types, refused


def published(count: int = 5, **changes: Any) -> dict[str, Any]:
    """Make what notMNIST_small.mat holds: doubles, an image in each plane."""
    images = RANDOM.integers(0, 256, (28, 28, count)).astype(float)
    return {"images": images, "labels": RANDOM.integers(0, 10, count).astype(float)} | changes


def decode_mat(folder: Path, content: bytes) -> dict[str, Labelled]:
    path = folder / "notMNIST_small.mat"
    path.write_bytes(content)
    return notmnist.decode([path])


@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"oned_as": "column"}], ids=str)
def test_notmnist_is_decoded_upright(tmp_path: Path, dtype: type, options: dict[str, Any]) -> None:
    made = {name: values.astype(dtype) for name, values in published().items()}
    decoded = decode_mat(tmp_path, mat(made, **options))
    assert list(decoded) == ["train"]
    images, labels = decoded["train"]
    assert images.shape == (5, 28, 28, 1)
    assert has_types(images, labels)
    for index in range(5):
        assert np.array_equal(images[index, :, :, 0], made["images"][:, :, index])
    assert labels.tolist() == made["labels"].tolist()
    assert images.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"images": np.zeros((28, 28, 2))}, "labels are not numbers from 0 to 9"),
        ({"data": np.zeros(2), "labels": np.zeros(2)}, "images are not numbers from 0 to 255"),
        (published(images=np.zeros((5, 28, 28))), r"are \(5, 28, 28\) and \(1, 5\), not \(28, 28, n\) and \(1, n\)"),
        (published(images=np.zeros((28, 28))), r"images and labels are \(28, 28\) and \(1, 5\), not"),
        (published(labels=np.zeros((5, 2))), r"images and labels are \(28, 28, 5\) and \(5, 2\), not"),
        (published(images=np.zeros((28, 28, 0))), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), "a")), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), {})), "images are not numbers from 0 to 255"),
        (published(images={"a": 1}), "images are not numbers from 0 to 255"),
        (published(images=csc_matrix(np.eye(28))), "images are not numbers from 0 to 255"),
        (published(images=np.zeros((28, 28, 5)) * 1j), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), 255.5)), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), -1)), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), np.nan)), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), 0.5)), "images are not whole numbers"),
        (published(labels=np.zeros(4)), "5 images, but 4 labels"),
        (published(labels=np.arange(6, 11)), "labels are not numbers from 0 to 9"),
        (published(labels=np.full(5, 0.5)), "labels are not whole numbers"),
    ],
)
def test_wrong_notmnist_is_named(tmp_path: Path, variables: dict[str, Any], expected: str) -> None:
    refused(lambda: decode_mat(tmp_path, mat(variables)), rf"notMNIST_small\.mat.* {expected}")


MAT, COMPRESSED_MAT = (mat(published(), do_compression=compression) for compression in (False, True))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not a whole MATLAB file"),
        (b"plain text", "not a whole MATLAB file"),
        (bytes(200), "not a whole MATLAB file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "not a whole MATLAB file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384), "not a whole MATLAB file"),
        (MAT[:-9], "not a whole MATLAB file"),
        (MAT[:150], "not a whole MATLAB file"),
        (COMPRESSED_MAT[:-9], "not a whole MATLAB file"),
    ],
    ids=["empty", "text", "zeros", "HDF5", "7.3", "cut", "cut early", "cut compressed"],
)
def test_file_that_is_not_notmnist_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    refused(lambda: decode_mat(tmp_path, content), rf"notMNIST_small\.mat .*{expected}")


def test_matlab_file_that_would_take_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=100_000))
    refused(
        lambda: decode_mat(tmp_path, COMPRESSED_MAT), r"notMNIST_small\.mat would take .* it is not the published file"
    )
