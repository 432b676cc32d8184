import dataclasses
from pathlib import Path

import pytest

from pipeline.base import files
from pipeline.tracking import timing
from pipeline.tracking.folders import Record


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for start, value in (("1-9", 1.0), ("2-9", 2.0)):  # the second is the newest
        metrics = [
            ["epoch/seconds", value, 0, 1],
            ["epoch/seconds", value, 0, 2],
            ["test/seconds_per_image", value, 0, 0],
            ["exports/litert/seconds_per_image", value, 0, 0],
        ]
        known = dict.fromkeys((field.name for field in dataclasses.fields(Record)), "")
        files.write_json(tmp_path / ".runs" / "abc" / start / "journal.json", known | {"metrics": metrics})


def test_the_newest_training_counts_with_all_its_epochs() -> None:
    assert timing.seconds("abc") == 4.0


def test_what_was_elsewhere_is_unknown() -> None:
    assert timing.seconds("def") is None
