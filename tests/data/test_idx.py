import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.base.errors import InputError
from pipeline.data.decoders import idx
from tests.decoding import refused
from tests.idx import as_idx

CONTENT = gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x03\x05\x06\x07", mtime=0)


@given(arrays.arrays(np.uint8, arrays.array_shapes(max_dims=4, max_side=5)), st.booleans())
def test_what_is_written_reads_back_gzipped_or_plain(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, zipped: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any-{zipped}"
    path.write_bytes(gzip.compress(as_idx(array)) if zipped else as_idx(array))
    read = idx.read(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@given(st.integers(0, 40), st.booleans())
def test_any_file_cut_short_is_refused(tmp_path_factory: pytest.TempPathFactory, kept: int, zipped: bool) -> None:
    content = gzip.compress(as_idx(np.arange(30, dtype=np.uint8))) if zipped else as_idx(np.arange(32, dtype=np.uint8))
    path = tmp_path_factory.getbasetemp() / f"cut-{zipped}"
    path.write_bytes(content[: min(kept, len(content) - 1)])
    with pytest.raises(InputError, match=r"not a whole|not an IDX file|should hold"):
        idx.read(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CONTENT[:-4], "not a whole IDX file"),
        (b"plain", "not an IDX file of 8-bit values: it begins with b'plai'"),
        (CONTENT[:12] + b"\xff\xff" + CONTENT[14:], "not an IDX file"),
        (CONTENT[:-8] + bytes(4) + CONTENT[-4:], "not a whole IDX file: CRC check failed"),
        (gzip.compress(b""), "not an IDX file"),
        (gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00"), "not an IDX file of 8-bit values"),
        (gzip.compress(b"\x00\x00\x08\x03\x00\x00"), "not an IDX file"),
        (gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x03\x05"), r"should hold \(3,\) values, but holds 1 bytes"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x01\x05\x06", r"should hold \(1,\) values, but holds more bytes"),
        (gzip.compress(b"\x00\x00\x08\x04" + b"\xff" * 16), "would take .* GB, and a quarter of this machine's memory"),
    ],
    # named, since gzip writes the time, and pytest's workers must agree on the names
    ids=[
        "cut short",
        "plain text",
        "damaged",
        "wrong checksum",
        "empty",
        "floats",
        "half a header",
        "too few values",
        "too many",
        "a bomb",
    ],
)
def test_broken_idx_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=expected):
        idx.read(path)


def test_unequal_counts_are_refused(tmp_path: Path) -> None:
    images = gzip.compress(b"\x00\x00\x08\x03" + b"\x00\x00\x00\x01" * 3 + b"\x09")
    (tmp_path / "i.gz").write_bytes(images)
    (tmp_path / "l.gz").write_bytes(CONTENT)
    with pytest.raises(InputError, match="1 images, but 3 labels"):
        idx.decode([tmp_path / "i.gz", tmp_path / "l.gz"] * 2)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"nowhere cannot be read \(No such file or directory\): name another IDX file"
    ):
        idx.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "names",
    [
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        ["train-images.gz", "train-labels", "test-images.idx3-ubyte", "test-labels.gz"],
        [f"emnist-letters-{name}.GZ" for name in ("TRAIN-Images", "train-labels", "test-images", "test-labels")],
    ],
)
def test_four_idx_files_are_found_by_their_names(tmp_path: Path, names: list[str]) -> None:
    for name in (*names, "notes.txt", "train.py", ".train-images"):
        (tmp_path / name).touch()
    (tmp_path / "train-images-large").mkdir()
    assert idx.find(tmp_path) == [tmp_path / name for name in names]


def test_idx_files_that_are_not_four_are_listed(tmp_path: Path) -> None:
    for name in ("train-images", "train-images.gz", "train-labels", "t10k-labels"):
        (tmp_path / name).touch()
    refused(
        lambda: idx.find(tmp_path),
        "needs one IDX file of each kind, and holds train images: train-images, train-images.gz; "
        "train labels: train-labels; test images: none; test labels: t10k-labels",
    )
    refused(lambda: idx.find(tmp_path / "no"), r"no cannot be read \(No such file or directory\): name another")
    refused(lambda: idx.find(tmp_path / "train-images"), r"cannot be read \(Not a directory\): name another folder")
