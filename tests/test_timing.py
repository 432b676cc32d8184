from pathlib import Path

import pytest

from pipeline.base import files
from pipeline.runs import timing


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for start, value in (("1-9", 1.0), ("2-9", 2.0)):  # the second is the newest
        metrics = [
            ["epoch/seconds", value, 0, 1],
            ["epoch/seconds", value, 0, 2],
            ["test/seconds_per_image", value, 0, 0],
        ]
        files.write_json(tmp_path / ".runs" / "abc" / start / "journal.json", {"metrics": metrics})


def test_the_newest_training_counts_with_all_its_epochs() -> None:
    assert timing.seconds("abc") == 4.0
    assert timing.figure("abc", "test/seconds_per_image") == 2.0


def test_what_was_elsewhere_is_unknown() -> None:
    assert timing.seconds("def") is None
    assert timing.figure("abc", "test/accuracy") is None
