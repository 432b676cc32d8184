import dataclasses
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.base import errors, files, processor
from pipeline.tracking import journals
from pipeline.tracking.description import Description
from pipeline.tracking.journals import Journal
from tests.conftest import ROOT

TRAINING = Description(
    experiment="digits",
    name="vgg",
    fingerprint="f" * 64,
    params={"train.epochs": "8"},
    tags={"model": "vgg", "fingerprint": "f" * 64, "dvc.stage": "train@vgg-42"},
)
STATE = {"variable/0": np.arange(3.0), "history/epoch": np.array([1])}


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def row(epoch: int) -> dict[str, float]:
    return {"epoch": epoch, "train_loss": 1 / epoch}


def values(journal: Journal, wanted: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in journal.metrics if metric.name == wanted]


def broken_off(ending: type[BaseException]) -> Journal:
    """Train one epoch and end with an exception."""
    journal = None
    try:
        with journals.opened(TRAINING, False) as journal:
            journal.log_epoch(row(1), 100)
            journal.save_state(STATE)
            raise ending
    except ending:
        assert journal
        return journal


@pytest.mark.parametrize(
    ("ending", "status"), [(KeyboardInterrupt, "KILLED"), (errors.Terminated, "KILLED"), (OSError, "FAILED")]
)
def test_what_did_not_finish_goes_on_in_the_same_journal_and_says_so(
    ending: type[BaseException], status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = broken_off(ending)
    assert Journal.read(first.folder).status == status
    assert capsys.readouterr().out == ""
    with journals.opened(TRAINING, False) as second:
        assert second.folder == first.folder
        assert second.status == "RUNNING"
        np.testing.assert_array_equal(second.state()["variable/0"], STATE["variable/0"])  # type: ignore[index]
        second.log_epoch(row(1), 100)  # done again, since its state came too late: known already
        second.log_epoch(row(2), 100)
    assert values(second, "epoch/train_loss") == [(1, 1.0), (2, 0.5)]
    assert capsys.readouterr().out == "vgg-42: goes on after epoch 1 of 8\n"


def finished() -> Journal:
    with journals.opened(TRAINING, False) as journal:
        journal.log_epoch(row(1), 100)
        journal.save_state(STATE)
    return journal


def test_what_finished_goes_on_until_dvc_has_recorded_it() -> None:
    first = finished()
    with journals.opened(TRAINING, recorded=False) as second:  # killed before dvc.lock was written
        assert second.folder == first.folder
        np.testing.assert_array_equal(second.state()["variable/0"], STATE["variable/0"])  # type: ignore[index]
    with journals.opened(TRAINING, recorded=True) as third:  # dvc repro --force
        assert third.folder != first.folder
        assert third.state() is None


def test_evaluation_drops_the_state() -> None:
    first = finished()
    with journals.appended(TRAINING):
        assert not (first.folder / "state.npz").exists()
    with journals.opened(TRAINING, recorded=False) as second:
        assert second.folder != first.folder


def test_what_broke_off_before_a_training_that_finished_is_given_up() -> None:
    with journals.opened(TRAINING, False) as first:
        broken_off(KeyboardInterrupt)  # at the same time
        first.log_epoch(row(1), 100)
    newest = finished()
    with journals.opened(TRAINING, recorded=True) as second:
        assert second.folder not in (first.folder, newest.folder)


def test_state_of_another_fingerprint_is_never_used() -> None:
    broken_off(KeyboardInterrupt)
    with journals.opened(dataclasses.replace(TRAINING, fingerprint="0" * 64), False) as other:
        assert other.state() is None


def test_training_of_another_machine_is_not_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    first = broken_off(KeyboardInterrupt)
    monkeypatch.setattr(processor, "machine", lambda: {"machine.threads": "77"})
    with journals.opened(TRAINING, False) as second:
        assert second.folder != first.folder
        assert second.state() is None


def test_two_that_train_the_same_at_once_keep_apart() -> None:
    with journals.opened(TRAINING, False) as first, journals.opened(TRAINING, False) as second:
        assert first.folder != second.folder
        journals.close_dead()
        assert {Journal.read(folder).status for folder in journals.folders()} == {"RUNNING"}


def test_journal_of_a_dead_process_is_closed_at_its_last_sign_of_life() -> None:
    code = (
        "import os, signal\nfrom tests.tracking.test_journals import TRAINING, row\n"
        "from pipeline.tracking import journals\n"
        "with journals.opened(TRAINING, False) as journal:\n"
        "    journal.log_epoch(row(1), 10)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    journals.close_dead()
    (folder,) = journals.folders()
    journal = Journal.read(folder)
    assert (journal.status, journal.ended) == ("KILLED", journal.metrics[-1].time)


def test_rebuilt_journal_has_the_history_without_times_or_machine() -> None:
    history = pd.DataFrame({"epoch": [1.0, 2.0], "train_loss": [0.5, 0.25]})
    for _ in range(2):  # the second changes nothing
        with journals.appended(TRAINING) as journal:
            journal.log_history(history)
            journal.log_metrics({"test": {"accuracy": 0.5}})
    assert values(journal, "epoch/train_loss") == [(1, 0.5), (2, 0.25)]
    assert values(journal, "test/accuracy") == [(0, 0.5)]
    assert journal.tags["rebuilt"] == "true"
    assert "machine.processor" not in journal.tags


def test_epochs_tell_their_duration_and_throughput() -> None:
    with journals.opened(TRAINING, False) as journal:
        journal.log_epoch(row(1), 1000)
    names = {name for name, *_ in journal.metrics}
    assert {"epoch/seconds", "epoch/images_per_second"} <= names
    ((_, seconds),), ((_, speed),) = (values(journal, f"epoch/{name}") for name in ("seconds", "images_per_second"))
    assert seconds * speed == pytest.approx(1000)


def test_reports_have_names_without_their_training_and_replace_what_was_attached(tmp_path: Path) -> None:
    for folder in ("vgg-42", "vgg-43"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "history.csv").write_text(folder)
    with journals.opened(TRAINING, False) as journal:
        for report in (tmp_path / "vgg-42/history.csv", tmp_path / "vgg-43/history.csv"):
            journal.attach_training(report, [report])  # any file does as a model
    attached = Journal.read(journal.folder).files
    assert sorted(attached) == ["history.csv", "model.keras"]
    assert attached["history.csv"] == files.md5(tmp_path / "vgg-43/history.csv")


def test_full_disk_leaves_journal_and_state_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    journal = broken_off(KeyboardInterrupt)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        journal.save_state({"variable/0": np.zeros(3)})
    with pytest.raises(OSError, match="No space"):
        journal.set_status("RUNNING")
    np.testing.assert_array_equal(files.read_arrays(journal.folder / "state.npz")["variable/0"], STATE["variable/0"])
    assert Journal.read(journal.folder).status == "KILLED"
    assert [path.name for path in journal.folder.glob(".*.tmp")] == []
