import gc
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from pipeline.base import errors, files, rows
from pipeline.base.errors import InputError

DTYPES = st.sampled_from(["u1", "<i4", "<i8", "<f4", "<f8", "<U5"])
SHAPES = arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)
HELD = DTYPES.flatmap(lambda dtype: arrays_of.arrays(dtype, SHAPES))
in_one_folder = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def stored(folder: Path, array: np.ndarray) -> rows.Rows:
    files.write_arrays(folder / "a.npz", {"first": np.arange(3), "wanted": array})
    return files.open_arrays(folder / "a.npz")["wanted"]


@in_one_folder
@given(HELD, st.data())
def test_rows_of_a_file_are_those_of_the_array(tmp_path: Path, array: np.ndarray, data: st.DataObject) -> None:
    held = stored(tmp_path, array)
    assert (held.shape, held.dtype, len(held)) == (array.shape, array.dtype, len(array))
    chosen = data.draw(st.lists(st.integers(0, len(array) - 1))) if len(array) else []
    some = data.draw(st.slices(len(array)))
    for which in (slice(None), some, np.array(chosen, int), np.array(chosen, np.int32)):
        np.testing.assert_array_equal(held[which], array[which], strict=True)
        np.testing.assert_array_equal(rows.only(held, which)[:], rows.only(array, which)[:], strict=True)
        again = data.draw(st.slices(len(array[which])))
        np.testing.assert_array_equal(held.only(which)[again], array[which][again], strict=True)
    picked = data.draw(st.lists(st.integers(0, len(array[some]) - 1))) if len(array[some]) else []
    np.testing.assert_array_equal(held.only(some)[np.array(picked, int)], array[some][picked], strict=True)


def test_few_rows_of_many_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).integers(0, 256, (1000, 2, 2, 1), np.uint8)
    held, read, places = stored(tmp_path, array), os.pread, list[int]()

    def told(descriptor: int, size: int, place: int) -> bytes:
        places.append(place)
        return read(descriptor, size, place)

    monkeypatch.setattr("os.pread", told)
    np.testing.assert_array_equal(held[np.array([999, 0, 500])], array[[999, 0, 500]], strict=True)
    assert np.diff(places).tolist() == [-999 * 4, 500 * 4]
    np.testing.assert_array_equal(held.only(slice(100, 900))[np.array([799, 0])], array[[899, 100]])


def test_one_row_is_an_array_of_one_axis_less(tmp_path: Path) -> None:
    array = np.arange(12).reshape(3, 4)
    held = stored(tmp_path, array)
    assert held[1].tolist() == held[np.int64(-2)].tolist() == [4, 5, 6, 7]
    with pytest.raises(IndexError):
        held[3]


@pytest.mark.parametrize("which", [[3], [-1]])
def test_rows_that_are_not_there_are_refused(tmp_path: Path, which: list[int]) -> None:
    with pytest.raises(IndexError, match="of 3"):
        stored(tmp_path, np.arange(3))[np.array(which)]


def test_rows_beyond_two_gigabytes_are_found_by_numbers_of_32_bits(tmp_path: Path) -> None:
    path, size, number = tmp_path / "a.npz", 1 << 20, 3000
    files.write_arrays(path, {"a": np.zeros((1, size), np.uint8)})
    held = files.open_arrays(path)["a"]
    os.truncate(path, (number + 1) * size + 1000)  # a hole, which takes no room on the disk
    with path.open("r+b") as file:
        file.seek(held._start + number * size)
        file.write(b"\x07")
    many = rows.Rows(held._file, held._start, (size,), held.dtype, range(number + 1))
    assert many[np.array([0, number], np.int32)][:, 0].tolist() == [0, 7]


def test_all_rows_come_into_memory_only_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"ask for rows\[:\]"):
        np.asarray(stored(tmp_path, np.arange(3)))


@in_one_folder
@given(st.dictionaries(st.sampled_from(["images", "labels", "names"]), HELD, min_size=1), st.integers(1, 40))
def test_arrays_and_rows_are_written_as_numpy_writes_them(
    tmp_path: Path, arrays: dict[str, np.ndarray], at_once: int
) -> None:
    np.savez(tmp_path / "numpy.npz", allow_pickle=False, **arrays)
    files.write_arrays(tmp_path / "ours.npz", arrays)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows, "AT_ONCE", at_once)
        files.write_arrays(tmp_path / "again.npz", files.open_arrays(tmp_path / "ours.npz"))
    numpys = (tmp_path / "numpy.npz").read_bytes()
    assert (tmp_path / "ours.npz").read_bytes() == numpys
    assert (tmp_path / "again.npz").read_bytes() == numpys


def test_a_file_that_is_replaced_is_read_to_its_end_as_it_was(tmp_path: Path) -> None:
    held = stored(tmp_path, np.arange(3))
    files.write_arrays(tmp_path / "a.npz", {"wanted": np.zeros(1)})
    assert held[:].tolist() == [0, 1, 2]


@pytest.mark.parametrize("which", [slice(None), np.array([900, 0])])
def test_a_file_that_is_cut_short_while_it_is_read_is_named(tmp_path: Path, which: Any) -> None:
    held = stored(tmp_path, np.arange(1000))
    os.truncate(tmp_path / "a.npz", 5000)
    with pytest.raises(InputError, match=r"a\.npz has become shorter while it was read: delete it and run `dvc repro`"):
        held[which]


@pytest.mark.parametrize("cut", [1, 600, 5000])
def test_a_file_that_was_cut_short_is_named_before_anything_is_read(tmp_path: Path, cut: int) -> None:
    stored(tmp_path, np.arange(1000))
    os.truncate(tmp_path / "a.npz", (tmp_path / "a.npz").stat().st_size - cut)
    with pytest.raises(InputError, match=r"a\.npz is not a whole \.npz file .*: delete it and run `dvc repro`"):
        files.open_arrays(tmp_path / "a.npz")


def save_compressed(path: Path) -> None:
    np.savez_compressed(path, a=np.zeros((2, 2)))


def save_by_columns(path: Path) -> None:
    np.savez(path, a=np.asfortranarray(np.arange(6).reshape(2, 3)))


def save_a_number(path: Path) -> None:
    np.savez(path, a=1)


@pytest.mark.parametrize("save", [save_compressed, save_by_columns, save_a_number])
def test_arrays_without_rows_one_after_the_other_are_refused(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"a\.npy is compressed, or not of rows one after the other"):
        files.open_arrays(tmp_path / "a.npz")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_files_are_closed_when_nobody_reads_them_any_more(tmp_path: Path) -> None:
    before = open_files()
    held = stored(tmp_path, np.arange(3)).only(slice(1, 3))
    assert open_files() == before + 1
    assert held[:].tolist() == [1, 2]
    del held
    gc.collect()
    assert open_files() == before


def test_a_full_disk_in_the_middle_of_rows_leaves_the_old_file_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = stored(tmp_path, np.zeros((1 << 22, 2), np.uint8))
    files.write_arrays(tmp_path / "made.npz", {"a": np.arange(2)})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def write() -> None:
        monkeypatch.setattr("zipfile._ZipWriteFile.write", full)
        files.write_arrays(tmp_path / "made.npz", {"a": held})

    with pytest.raises(SystemExit) as ended:
        errors.run(write)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: the disk is full, writing an output: free some room and run again\n"
    assert files.read_arrays(tmp_path / "made.npz")["a"].tolist() == [0, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "made.npz"]


def test_what_is_written_and_read_in_parts_takes_no_memory(tmp_path: Path) -> None:
    """Of 200 MB, no more than a tenth is ever in memory."""
    held = stored(tmp_path, np.broadcast_to(np.uint8(0), (200 << 20,)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files.write_arrays(tmp_path / "a.npz", {"a": held})
    assert sum(int(part.sum()) for part in rows.parts(files.open_arrays(tmp_path / "a.npz")["a"])) == 0
    files.md5(tmp_path / "a.npz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB
