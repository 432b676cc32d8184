from collections.abc import Callable

import pytest

from pipeline.base import progress
from pipeline.base.progress import ERASE, Progress


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what lets seconds pass."""
    now = 100.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("time.monotonic", lambda: now)
    return wait


def run(told: Progress, wait: Callable[[float], None], epochs: range, first: float = 0) -> None:
    """Let epochs pass, of four steps of 20 s each and 20 s of validation; the first step takes longer."""
    for epoch in epochs:
        for step in range(4):
            wait(20 + first * (epoch == epochs[0] and step == 0))
            told.step(0.2 * step)
        wait(20)
        told.epoch({"epoch": epoch, "train_accuracy": 0.8, "validation_accuracy": 0.9})


def test_a_log_has_one_line_within_the_first_epoch_and_one_an_epoch(
    wait: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    run(Progress(epochs=3, steps=4), wait, range(1, 4), first=1000)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1 of 3, 50 %, train accuracy 0.2000, 3 min 20 s left",  # ten steps, as far as is known
        "epoch 1 of 3, validation accuracy 0.9000, 3 min 33 s left",  # 80 s for the three steps that are timed
        "epoch 2 of 3, validation accuracy 0.9000, 1 min 43 s left",
        "epoch 3 of 3, validation accuracy 0.9000",
    ]


def test_a_training_that_goes_on_reckons_by_its_own_steps(
    wait: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    run(Progress(epochs=60, done=58, steps=4), wait, range(59, 61), first=1000)
    assert "epoch 59 of 60, validation accuracy 0.9000, 1 min 47 s left" in capsys.readouterr().out


def test_a_terminal_has_one_line_that_changes_until_the_epoch_has_ended(
    wait: Callable[[float], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    run(Progress(epochs=1, steps=4), wait, range(1, 2))
    assert capsys.readouterr().out == (
        f"{ERASE}epoch 1 of 1, 50 %, train accuracy 0.2000, 40 s left"
        f"{ERASE}epoch 1 of 1, 75 %, train accuracy 0.4000, 20 s left"
        f"{ERASE}epoch 1 of 1, 100 %, train accuracy 0.6000"
        f"{ERASE}epoch 1 of 1, validation accuracy 0.9000\n"
    )


def test_epochs_alone_are_enough_and_fewer_may_be(
    wait: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    told = Progress(epochs=4, done=1, at_most=True)
    wait(50)
    told.epoch({"epoch": 2, "train_accuracy": 0.81234})
    assert capsys.readouterr().out == "epoch 2 of 4, train accuracy 0.8123, at most 1 min 40 s left\n"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (100, "1 min 40 s"), (7500, "2 h 5 min")]
)
def test_duration_is_as_a_person_says_it(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words
