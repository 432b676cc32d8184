import contextlib
import signal
from pathlib import Path

import numpy as np
import pytest

from pipeline.base import errors, files
from pipeline.base.errors import InputError


def test_failed_write_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"a": 2})
    assert files.read_json(path) == {"a": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_full_disk_ends_a_command_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device", "data/x.npz")

    with pytest.raises(SystemExit) as ended:
        errors.run(full)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: the disk is full, writing data/x.npz: free some room and run again\n"


def test_defect_keeps_its_traceback() -> None:
    def defect() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        errors.run(defect)


def test_arrays_come_back_equal_and_are_the_same_bytes(tmp_path: Path) -> None:
    arrays = {"images": np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1), "labels": np.array([1, 2, 3])}
    for name in ("a.npz", "b.npz"):
        files.write_arrays(tmp_path / name, arrays)
    back = files.read_arrays(tmp_path / "a.npz")
    assert all(np.array_equal(back[name], arrays[name]) and back[name].dtype == arrays[name].dtype for name in arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip at all"])
def test_broken_arrays_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz is not a whole \.npz file"):
        files.read_arrays(path)


def test_truncated_arrays_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    files.write_arrays(path, {"images": np.zeros(1000)})
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(InputError, match=r"a\.npz is not a whole \.npz file"):
        files.read_arrays(path)


def test_missing_and_broken_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.json is missing: `dvc repro` makes it"):
        files.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json is not JSON"):
        files.read_json(tmp_path / "a.json")


def pressing_ctrl_c(times: int) -> list[int | str]:
    """Press Ctrl-C in a block that holds it back, and return how far the block came before it was interrupted."""
    done: list[int | str] = []
    with contextlib.suppress(KeyboardInterrupt):
        with errors.interrupts_held_back():
            for time in range(times):
                signal.raise_signal(signal.SIGINT)
                done.append(time)
            done.append("end")
        done.append("not interrupted")
    return done


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = pressing_ctrl_c(1)
    assert done == [0, "end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("ctrl_c")
def test_second_ctrl_c_acts_at_once() -> None:
    assert pressing_ctrl_c(2) == [0]


def test_interrupt_ends_a_command_with_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        errors.run(interrupted)
    assert ended.value.code == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_what_merely_looks_like_a_leftover_stays(tmp_path: Path) -> None:
    other = tmp_path / ".a.txt.mine.tmp"
    other.touch()
    files.write_text(tmp_path / "a.txt", "words")
    assert other.exists()
