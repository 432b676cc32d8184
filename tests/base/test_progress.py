import re

import pytest

from pipeline.base.progress import Progress


def run(progress: Progress, epochs: range, figures: dict[str, float]) -> None:
    """Let epochs of four steps pass."""
    for epoch in epochs:
        for step in range(4):
            progress.step(0.2 * step)
        progress.epoch({"epoch": epoch, **figures})


def test_a_log_has_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    run(Progress(epochs=60, done=58, steps=4), range(59, 61), {"train_accuracy": 0.8, "validation_accuracy": 0.9})
    assert capsys.readouterr().out.splitlines() == [
        "epoch 59 of 60, validation accuracy 0.9000",
        "epoch 60 of 60, validation accuracy 0.9000",
    ]
    Progress(epochs=4, done=1, at_most=True).epoch({"epoch": 2, "train_accuracy": 0.81234})
    assert capsys.readouterr().out == "epoch 2 of at most 4, train accuracy 0.8123\n"


def test_a_terminal_also_has_a_bar_that_goes_on_where_the_training_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    progress = Progress(epochs=3, done=1, steps=4)
    progress.bar.mininterval = 0
    run(progress, range(2, 3), {"train_accuracy": 0.8})
    printed = capsys.readouterr().out
    assert re.search(r"33%.*4/12 ", printed)
    assert re.search(r"58%.*7/12 .*train accuracy 0\.4000", printed)
    assert "\repoch 2 of 3, train accuracy 0.8000\n" in printed
