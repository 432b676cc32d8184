import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from pipeline.base import errors
from pipeline.base.errors import InputError
from pipeline.data import arrays
from pipeline.data.arrays import Rows

SHAPES = arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)
HELD = st.sampled_from(["u1", "<i8", "<f4", "<U5"]).flatmap(lambda dtype: arrays_of.arrays(dtype, SHAPES))
in_one_folder = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
IMAGES, LABELS = np.random.default_rng(0).integers(0, 256, (1000, 2, 2, 1), np.uint8), np.arange(1000)


def numbers(data: st.DataObject, count: int) -> np.ndarray:
    return np.array(data.draw(st.lists(st.integers(0, count - 1))) if count else [], np.int32)


@in_one_folder
@given(HELD, st.integers(1, 40), st.data())
def test_a_split_is_in_the_files_that_numpy_would_write(
    tmp_path: Path, images: np.ndarray, at_once: int, data: st.DataObject
) -> None:
    order = numbers(data, len(images))
    np.save(tmp_path / "numpy.npy", images[order])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrays, "AT_ONCE", at_once)
        arrays.write(tmp_path / "whole", images, LABELS[: len(images)])
        arrays.write(tmp_path / "some", Rows(arrays.read(tmp_path / "whole")[0], order), LABELS[order])
    assert (tmp_path / "some/images.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()
    some, labels = arrays.read(tmp_path / "some")
    np.testing.assert_array_equal(some, images[order], strict=True)
    assert labels.tolist() == order.tolist()


@given(HELD, st.data())
def test_rows_of_rows_are_those_of_the_array(array: np.ndarray, data: st.DataObject) -> None:
    first = numbers(data, len(array))
    second, part = numbers(data, len(first)), data.draw(st.slices(len(first)))
    rows, chosen = Rows(array, first), array[first]
    assert (rows.shape, rows.dtype, len(rows)) == (chosen.shape, chosen.dtype, len(chosen))
    np.testing.assert_array_equal(rows[part], chosen[part], strict=True)
    np.testing.assert_array_equal(Rows(rows, second)[:], chosen[second], strict=True)


def test_names_are_kept_with_their_images_and_gone_with_them(tmp_path: Path) -> None:
    arrays.write(tmp_path / "train", IMAGES, LABELS, np.array([f"{label}.png" for label in LABELS]))
    assert arrays.names(tmp_path / "train")[7] == "7.png"  # type: ignore[index]
    arrays.write(tmp_path / "train", IMAGES, LABELS)
    assert arrays.names(tmp_path / "train") is None


def test_a_split_that_is_written_anew_is_read_to_its_end_as_it_was(tmp_path: Path) -> None:
    arrays.write(tmp_path, IMAGES, LABELS)
    images, labels = arrays.read(tmp_path)
    arrays.write(tmp_path, images[:1] * 0, labels[:1])
    np.testing.assert_array_equal(images, IMAGES)


def test_the_kernel_does_not_read_ahead_of_images_that_are_taken_at_random(tmp_path: Path) -> None:
    arrays.write(tmp_path, IMAGES, LABELS)
    for at_random in (False, True):
        images, _ = arrays.read(tmp_path, at_random=at_random)
        _, _, mapping = Path("/proc/self/smaps").read_text().partition(f"{tmp_path}/images.npy")
        assert (" rr " in mapping.partition("VmFlags:")[2].splitlines()[0]) == at_random
        np.testing.assert_array_equal(images, IMAGES)
        del images


@pytest.mark.parametrize("cut", [1, 3000, 4100])
def test_a_file_that_was_cut_short_is_named(tmp_path: Path, cut: int) -> None:
    arrays.write(tmp_path, IMAGES, LABELS)
    os.truncate(tmp_path / "images.npy", (tmp_path / "images.npy").stat().st_size - cut)
    with pytest.raises(InputError, match=r"images\.npy is not a whole \.npy file .*: delete it and run `dvc repro`"):
        arrays.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an array at all"])
def test_a_file_that_is_no_array_is_named(tmp_path: Path, content: bytes) -> None:
    arrays.write(tmp_path, IMAGES, LABELS)
    (tmp_path / "labels.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"labels\.npy is not a whole \.npy file"):
        arrays.read(tmp_path)


def test_pickled_objects_are_not_read(tmp_path: Path) -> None:
    arrays.write(tmp_path, IMAGES, LABELS)
    np.save(tmp_path / "labels.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(InputError, match=r"labels\.npy is not a whole \.npy file"):
        arrays.read(tmp_path)


def test_files_that_are_missing_or_not_of_one_split_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"images\.npy is missing: `dvc repro` makes it"):
        arrays.read(tmp_path)
    arrays.write(tmp_path, IMAGES, LABELS[1:])
    with pytest.raises(InputError, match=r"holds 1,000 images, but 999 labels: delete it and run `dvc repro`"):
        arrays.read(tmp_path)


def test_a_full_disk_leaves_no_half_file_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit) as ended:
        errors.run(lambda: arrays.write(tmp_path / "train", IMAGES, LABELS))
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: the disk is full, writing an output: free some room and run again\n"
    assert list((tmp_path / "train").iterdir()) == []


def test_what_is_written_and_read_in_parts_takes_no_memory(tmp_path: Path) -> None:
    """Of 200 MB, no more than a tenth is ever copied."""
    count = 200_000
    arrays.write(tmp_path / "whole", np.broadcast_to(np.uint8(1), (count, 1000)), np.zeros(count, int))
    images, labels = arrays.read(tmp_path / "whole")
    tracemalloc.start()
    arrays.write(tmp_path / "some", Rows(images, np.arange(count)[::-1]), labels)
    assert sum(int(part.sum()) for part in arrays.parts(arrays.read(tmp_path / "some")[0])) == count * 1000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
