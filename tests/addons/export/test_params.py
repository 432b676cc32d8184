"""What params.yaml and the gate may say of exports."""

from pathlib import Path
from typing import Any

import pytest

from pipeline import addons
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Training
from pipeline.tracking import stale
from tests.commands.test_gate import lock, report
from tests.config.test_params import Write, assert_refused, error


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("export.models", ["vgg", "vvg"], ["export.models: vvg is unknown; did you mean vgg?"]),
        ("export.models", ["vgg", "vgg"], ["export.models: vgg stands there twice: name it once"]),
        ("export.formats", [], ["export.formats: []:", "at least 1 item"]),
        ("export.formats", ["tflite"], ["export.formats.0: 'tflite':", "'litert', 'litert_int8'"]),
    ],
)
def test_wrong_value_is_one_line_with_key_value_and_remedy(
    raw: dict[str, Any], write_params: Write, path: str, value: Any, expected: list[str]
) -> None:
    assert_refused(raw, write_params, path, value, expected)


@pytest.mark.parametrize("path", ["export", "export.formats"])
def test_missing_key_is_named(raw: dict[str, Any], write_params: Write, path: str) -> None:
    section, _, key = path.partition(".")
    del (raw[section] if key else raw)[key or section]
    assert f"{path} is missing" in error(write_params(raw))


def test_what_the_gate_asks_for_beyond_the_scores_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    training, scores = Training("vgg", 42), {"test": {"accuracy": 0.5}}
    assert addons.with_metrics(scores, ["test.accuracy"], training) == scores
    asked = ["exports.litert.bytes"]
    with pytest.raises(InputError, match=r"exports\.json is missing: `dvc repro` makes it"):
        addons.with_metrics(scores, asked, training)
    files.write_json(Path("reports/vgg-42/exports.json"), {"litert": {"bytes": 7}})
    assert addons.with_metrics(scores, asked, training) == scores | {"exports": {"litert": {"bytes": 7}}}


def test_an_export_that_is_asked_for_is_held_to_the_lock_too(
    raw: dict[str, Any], write_params: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw["models"], raw["export"]["models"] = {"vgg": raw["models"]["vgg"]}, ["vgg"]
    monkeypatch.chdir(write_params(raw).parent)
    report(Path("reports"), "vgg-42")
    lock(raw, Path())
    assert stale.reasons([Training("vgg", 42)]) == ["dvc.lock has no export@vgg-42: run `dvc repro`"]
