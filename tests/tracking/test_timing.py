import dataclasses
from pathlib import Path

import pytest

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.gate import Gate
from pipeline.config.schema import Training
from pipeline.tracking import fingerprints, timing
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


def test_what_the_gate_asks_for_beyond_the_scores_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "of_lock", lambda stage: "abc")
    files.write_json(tmp_path / "vgg-42" / "exports.json", {"litert": {"bytes": 7}})
    training, scores = Training("vgg", 42), {"test": {"accuracy": 0.5}}
    assert timing.added(scores, Gate(), training, tmp_path) == scores
    gate = Gate.model_validate({"at_most": {"exports": {"litert": {"seconds_per_image": 1}}}})
    expected = scores | {"exports": {"litert": {"bytes": 7, "seconds_per_image": 2.0}}}
    assert timing.added(scores, gate, training, tmp_path) == expected
    worst = Gate.model_validate({"worst_seed": {"at_most": {"test": {"seconds_per_image": 1}}}})
    assert timing.added(scores, worst, training, tmp_path) == {"test": {"accuracy": 0.5, "seconds_per_image": 2.0}}


def test_what_was_never_measured_or_exported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "of_lock", lambda stage: "abc")
    gate = Gate.model_validate({"at_least": {"exports": {"onnx": {"images_per_second_1": 1}}}})
    with pytest.raises(InputError, match=r"exports\.json is missing: `dvc repro` makes it"):
        timing.added({}, gate, Training("vgg", 42), tmp_path)
    files.write_json(tmp_path / "vgg-42" / "exports.json", {})
    with pytest.raises(
        InputError, match=r"^export@vgg-42 never ran here, so images_per_second_1 is unknown: `dvc repro"
    ):
        timing.added({}, gate, Training("vgg", 42), tmp_path)
