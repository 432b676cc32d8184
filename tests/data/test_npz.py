import io
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.arrays import Labelled
from pipeline.data.decoders import npz
from tests.decoding import damage, has_types, refused, refused_or_decoded

RANDOM = np.random.default_rng(0)


def own(**changes: Any) -> dict[str, Any]:
    images = RANDOM.integers(0, 256, (6, 4, 5), np.uint8)
    return {"images": images, "labels": np.array([0, 1, 2, 0, 1, 2])} | changes


def packed(arrays: dict[str, Any], save: Callable[..., None] = np.savez) -> bytes:
    content = io.BytesIO()
    save(content, **arrays)
    return content.getvalue()


def decode_npz(folder: Path, content: bytes) -> dict[str, Labelled]:
    path = folder / "own.npz"
    path.write_bytes(content)
    return npz.decode(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("names", npz.NAMES)
@pytest.mark.parametrize("channels", [(), (1,), (3,)])
@pytest.mark.parametrize("column", [(), (1,)])
def test_own_arrays_come_back_equal(
    tmp_path: Path, save: Any, names: tuple[str, ...], channels: tuple[int, ...], column: tuple[int, ...]
) -> None:
    made = {}
    for count, pixels, classes in zip((7, 3), names[::2], names[1::2], strict=False):
        made[pixels] = RANDOM.integers(0, 256, (count, 4, 5, *channels), np.uint8)
        made[classes] = (np.arange(count) % 3).astype(">u2").reshape(count, *column)
    decoded = decode_npz(tmp_path, packed(made, save))
    assert list(decoded) == ["train", "test"][: len(names) // 2]
    for (images, labels), pixels, classes in zip(decoded.values(), names[::2], names[1::2], strict=True):
        assert np.array_equal(images, made[pixels].reshape(-1, 4, 5, *(channels or (1,))))
        assert labels.tolist() == made[classes].ravel().tolist()
        assert has_types(images, labels)


def test_array_in_columns_comes_back_in_rows(tmp_path: Path) -> None:
    made = own()
    images, _ = decode_npz(tmp_path, packed(made | {"images": np.asfortranarray(made["images"])}))["train"]
    assert np.array_equal(images[..., 0], made["images"])
    assert images.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (
            own(images=np.zeros((6, 4, 5), np.float32)),
            r"images are float32 of \(6, 4, 5\), .*: give 8-bit ones of \(n, height, width\)",
        ),
        (own(images=np.zeros((6, 4, 5), bool)), r"images are bool of \(6, 4, 5\), .*: give 8-bit ones"),
        (own(images=np.full((6, 4, 5), None)), "is not a whole .npz file: Object arrays cannot be loaded"),
        (own(images=np.zeros((6, 20), np.uint8)), r"images are uint8 of \(6, 20\), .*: give .* \(n, height, width\)"),
        (own(images=np.zeros((6, 3, 4, 5), np.uint8)), r"uint8 of \(6, 3, 4, 5\), .*: give .* of 1 or 3 channels"),
        (own(images=np.zeros((6, 4, 5, 4), np.uint8)), r"uint8 of \(6, 4, 5, 4\), .*: give .* of 1 or 3 channels"),
        (own(images=np.zeros((0, 4, 5), np.uint8)), r"uint8 of \(0, 4, 5\), .*: give"),
        (own(labels=np.zeros(6)), r"labels float64 of \(6,\): give .* \(n,\) whole numbers"),
        (own(labels=np.zeros((6, 3), int)), r"labels int64 of \(6, 3\): give .* \(n,\) whole numbers"),
        (own(labels=np.array(["a"] * 6)), r"labels <U1 of \(6,\): give .* whole numbers"),
        (own(labels=np.array([{}] * 6)), "is not a whole .npz file: Object arrays cannot be loaded"),
        (own(labels=np.array([0, 1, 2, 0, 1])), "images: there are 6 images, but 5 labels"),
        ({"images": own()["images"]}, r"holds \['images'\]: give one of images, labels; images, labels, test_images"),
        (own(extra=np.zeros(2)), r"holds \['extra', 'images', 'labels'\]: give one of"),
        ({}, r"holds \[\]: give one of"),
    ],
)
def test_wrong_own_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], expected: str) -> None:
    refused(lambda: decode_npz(tmp_path, packed(arrays)), rf"own\.npz.* {expected}")


NPZ = [packed(own(), save) for save in (np.savez, np.savez_compressed)]


@pytest.mark.parametrize("content", [b"", b"plain", b"PK\x03\x04", NPZ[0][:-40], NPZ[1][:200]], ids=range(5))
def test_file_that_is_no_npz_is_named(tmp_path: Path, content: bytes) -> None:
    refused(lambda: decode_npz(tmp_path, content), r"own\.npz is not a whole \.npz file")


def test_missing_npz_is_named(tmp_path: Path) -> None:
    refused(lambda: npz.decode(tmp_path / "no.npz"), r"no\.npz cannot be read \(No such file or directory\)")


def test_more_than_a_quarter_of_the_memory_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(own(images=np.zeros((6, 1000, 1000), np.uint8)), np.savez_compressed)
    assert len(content) < 10_000
    memory = types.SimpleNamespace(total=10_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    refused(lambda: decode_npz(tmp_path, content), r"would take 0\.0 GB, and a quarter of this machine's memory")
    memory.total = 28_000_000
    assert len(decode_npz(tmp_path, content)["train"][0]) == 6


def test_shape_that_an_array_states_is_not_believed(tmp_path: Path) -> None:
    labels, images = io.BytesIO(), io.BytesIO()
    np.save(labels, np.zeros(6, int))
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**4, 10**4)}
    np.lib.format.write_array_header_1_0(images, header)
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        archive.writestr("labels.npy", labels.getvalue())
        archive.writestr("images.npy", images.getvalue() + bytes(30))
    refused(lambda: npz.decode(tmp_path / "own.npz"), r"own\.npz is not a whole \.npz file: Unable to allocate")


@given(data=st.data())
def test_damaged_npz_is_refused_or_decoded(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = damage(NPZ[data.draw(st.booleans())], data)
    refused_or_decoded(lambda: decode_npz(folder, content))
