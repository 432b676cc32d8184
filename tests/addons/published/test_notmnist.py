import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat
from scipy.sparse import csc_matrix

from pipeline.addons.published import notmnist
from pipeline.data.arrays import Labelled
from tests.addons.published.publishers import RANDOM, mat
from tests.decoding import damage, has_types, refused, refused_or_decoded


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


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matlab(variables: dict[str, np.ndarray], kind: int, stored: str) -> bytes:
    """Write doubles as MATLAB does where all are small whole numbers: in a smaller type, called `kind` and `stored`."""
    content = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    for name, values in variables.items():
        parts = [(6, struct.pack("<II", 6, 0)), (5, struct.pack(f"<{values.ndim}i", *values.shape))]
        parts += [(1, name.encode()), (kind, values.astype(f"<{stored}").tobytes(order="F"))]
        content += element(14, b"".join(element(*part) for part in parts))
    return content


@pytest.mark.parametrize(("kind", "stored"), [(2, "u1"), (3, "i2"), (4, "u2"), (5, "i4"), (7, "f4"), (9, "f8")])
def test_numbers_are_read_as_scipy_reads_them(tmp_path: Path, kind: int, stored: str) -> None:
    made = published()
    content = matlab(made | {"labels": made["labels"].reshape(1, -1)}, kind, stored)
    images, labels = decode_mat(tmp_path, content)["train"]
    read = loadmat(io.BytesIO(content))
    assert np.array_equal(images[..., 0], read["images"].transpose(2, 0, 1))
    assert np.array_equal(labels, read["labels"].ravel())
    assert np.array_equal(read["images"], made["images"])


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"images": np.zeros((28, 28, 2))}, r"holds \['images'\], not images and labels"),
        ({"data": np.zeros(2), "labels": np.zeros(2)}, r"holds \['data', 'labels'\], not images and labels"),
        ({}, r"holds \[\], not images and labels"),
        (published(images=np.zeros((5, 28, 28))), r"are \(5, 28, 28\) and \(1, 5\), not \(28, 28, n\) and \(1, n\)"),
        (published(images=np.zeros((28, 28))), r"images and labels are \(28, 28\) and \(1, 5\), not"),
        (published(labels=np.zeros((5, 2))), r"images and labels are \(28, 28, 5\) and \(5, 2\), not"),
        (published(images=np.zeros((28, 28, 0))), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), "a")), "images are not numbers from 0 to 255"),
        (published(images=np.full((28, 28, 5), {})), "images are not numbers from 0 to 255"),
        (published(images={"a": 1}), "images are not numbers from 0 to 255"),
        (published(images=csc_matrix(np.eye(28))), "images are not numbers from 0 to 255"),
        (published(images=np.zeros((28, 28, 5), bool)), "images are not numbers from 0 to 255"),
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
        (b"", "not a MATLAB level 5 file"),
        (b"plain text", "not a MATLAB level 5 file"),
        (bytes(200), "not a MATLAB level 5 file"),
        (mat({"labels": np.zeros(5)}, format="4"), "not a MATLAB level 5 file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "not a MATLAB level 5 file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384), "it begins with b'MATLAB 7.3 MAT-file"),
        (MAT[:-9], "not a whole MATLAB level 5 file"),
        (MAT[:150], "not a whole MATLAB level 5 file"),
        (COMPRESSED_MAT[:-9], "not a whole MATLAB level 5 file"),
        (MAT + MAT[128:], r"holds \['images', 'labels', 'images', 'labels'\], not images and labels"),
    ],
    ids=["empty", "text", "zeros", "level 4", "HDF5", "7.3", "cut", "cut early", "cut compressed", "twice"],
)
def test_file_that_is_not_notmnist_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    refused(lambda: decode_mat(tmp_path, content), rf"notMNIST_small\.mat .*{expected}")


def test_matlab_file_that_unpacks_to_more_than_the_limit_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = mat({"x": np.zeros(500_000)}, do_compression=True) + COMPRESSED_MAT[128:]
    assert len(content) < 50_000
    monkeypatch.setattr(notmnist, "LARGEST", 1_000_000)
    refused(lambda: decode_mat(tmp_path, content), "it unpacks to more than 1,000,000 bytes")


def test_matlab_file_beyond_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notmnist, "LARGEST", 10_000)
    refused(lambda: decode_mat(tmp_path, MAT), r"notMNIST_small\.mat has more than 10,000 bytes")


def test_matlab_file_packed_twice_is_not_unpacked_twice(tmp_path: Path) -> None:
    inner = zlib.compress(struct.pack("<II", 15, 100) + bytes(100))
    refused(
        lambda: decode_mat(tmp_path, MAT[:128] + struct.pack("<II", 15, len(inner)) + inner),
        "an element of kind 15 in place of a matrix",
    )


@given(data=st.data())
def test_damaged_notmnist_is_refused_or_decoded(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = damage(data.draw(st.sampled_from([MAT, COMPRESSED_MAT])), data)
    refused_or_decoded(lambda: decode_mat(folder, content))
