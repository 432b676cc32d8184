"""What has changed since stages ran, by dvc.lock, in a folder with one model, two trainings and little code."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Training
from pipeline.tracking import fingerprints, stale

TRAIN, REPORT = ["pipeline/code", "data/train.npz"], "reports/vgg-1/metrics.json"
MATRIX = {"model": "${models}", "seed": "${seeds}"}
STAGES: dict[str, Any] = {
    "prepare": {},
    "train": {"matrix": MATRIX},
    "folds": {"matrix": {"model": "${models}", "fold": [0, 1]}},
    "evaluate": {"matrix": MATRIX},
    "extra": {"matrix": MATRIX | {"model": "${extra.models}"}},
}


def locked(deps: list[str], outs: list[str], **params: Any) -> dict[str, Any]:
    entries = {"deps": deps, "outs": outs}
    found = {
        part: [{"path": path, "md5": fingerprints.md5(Path(path))} for path in paths] for part, paths in entries.items()
    }
    return {"cmd": "run", "params": {"params.yaml": params}} | found


def lock(**stages: dict[str, Any]) -> None:
    known = {
        "prepare": locked([], ["data/train.npz"]),
        "train@vgg-1": locked(TRAIN, ["models/vgg-1.keras"], train={"epochs": 2}),
        "evaluate@vgg-1": locked(["models/vgg-1.keras"], [REPORT], train={"epochs": 2}),
    }
    files.write_json(Path("dvc.lock"), {"stages": known | stages})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("pipeline/code/a.py", "data/train.npz", "models/vgg-1.keras", REPORT):
        files.write_text(Path(path), path)
    files.write_json(Path("params.yaml"), {"train": {"epochs": 2}, "models": {"vgg": {}}, "extra": {"models": []}})
    files.write_json(Path("dvc.yaml"), {"stages": STAGES})
    lock()


def changed(stage: str = "train@vgg-1", **given: Any) -> list[str]:
    return stale.changes([stage], **given)


def test_of_a_fresh_stage_nothing_has_changed_and_one_that_never_ran_is_left_out() -> None:
    assert stale.changes(["train@vgg-1", "train@vgg-2"]) == []
    assert stale.reasons([Training("vgg", 1)]) == []


def test_params_and_code_that_are_others_or_gone_are_named() -> None:
    files.write_json(Path("params.yaml"), {"train": {"epochs": 3}})
    files.write_text(Path("pipeline/code/a.py"), "other")
    assert changed() == ["params.yaml:train", "pipeline/code"]
    Path("pipeline/code/a.py").unlink()
    Path("pipeline/code").rmdir()
    assert changed(params={"train": {"epochs": 2}}) == ["pipeline/code"]


def test_data_counts_as_it_was_made_last_unless_it_is_read() -> None:
    files.write_text(Path("models/vgg-1.keras"), "another model")
    assert changed() == []
    assert changed(read=["train@vgg-1"]) == ["models/vgg-1.keras"]
    Path("models/vgg-1.keras").unlink()
    assert changed() == []
    with pytest.raises(InputError, match=r"models/vgg-1\.keras is missing: `dvc repro` makes it"):
        changed(read=["train@vgg-1"])


def test_what_was_prepared_anew_and_reports_that_were_edited_are_named() -> None:
    entry = locked([], ["data/train.npz"])
    entry["outs"][0]["md5"] = "0"
    lock(prepare=entry)
    files.write_text(Path(REPORT), "edited")
    expected = f"data/train.npz, {REPORT} changed since vgg-1 was evaluated: run `dvc repro`"
    assert stale.reasons([Training("vgg", 1)]) == [expected]
    Path(REPORT).unlink()  # whoever reads it says so
    assert stale.reasons([Training("vgg", 1)])[0].startswith("data/train.npz changed")


def test_a_stage_on_disk_is_one_whose_params_and_data_are_as_they_were_whatever_the_code_is() -> None:
    files.write_text(Path("pipeline/code/a.py"), "other")
    found = stale.on_disk("train@vgg-1")
    assert found
    assert found.name == "train@vgg-1"
    assert stale.on_disk("train@vgg-2") is None
    assert stale.on_disk("evaluate@vgg-1")
    content = Path("params.yaml").read_text()
    files.write_json(Path("params.yaml"), {})
    assert stale.on_disk("train@vgg-1") is None
    files.write_text(Path("params.yaml"), content)
    files.write_text(Path("data/train.npz"), "other")
    assert stale.on_disk("train@vgg-1") is None
    Path(REPORT).unlink()
    assert stale.on_disk("evaluate@vgg-1") is None


def test_each_training_has_the_stages_that_dvc_yaml_asks_for_of_its_model() -> None:
    trainings = [Training("vgg", 1), Training("vgg", 2)]
    assert stale.reasons(trainings) == ["dvc.lock has no train@vgg-2: run `dvc repro`"]
    params = files.read_yaml(Path("params.yaml"))
    files.write_json(Path("params.yaml"), params | {"extra": {"models": ["vgg"]}})
    assert stale.reasons(trainings[:1]) == ["dvc.lock has no extra@vgg-1: run `dvc repro`"]


def test_another_stage_may_count_for_every_training() -> None:
    lock(report=locked([], [], seeds=[1, 2]))
    assert stale.reasons([Training("vgg", 1)]) == []
    (line,) = stale.reasons([Training("vgg", 1)], ["report"])
    assert line.startswith("params.yaml:seeds changed since vgg-1")
