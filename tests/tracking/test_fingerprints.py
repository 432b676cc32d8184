import hashlib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.tracking import fingerprints, lock
from tests.conftest import ROOT

PIPELINE = {
    "stages": {
        "train": {
            "matrix": {"model": "${models}", "seed": "${seeds}"},
            "cmd": 'train "$DVC_STAGE"',
            "deps": ["a.py", "b/${key}"],
            "params": ["rate", "models.${item.model}"],
        }
    }
}
PARAMS: dict[str, Any] = {"rate": 1, "other": 2, "models": {"vgg": {"rate": 1e-3, "filters": [1, 2], "none": None}}}


def write(name: str, content: Any) -> None:
    with Path(name).open("w") as file:
        YAML().dump(content, file)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b").mkdir()
    Path("a.py").write_text("code")
    Path("b/vgg-42").write_text("data")
    write("dvc.yaml", PIPELINE)
    write("params.yaml", PARAMS)


def test_lock_of_the_same_state_has_the_same_fingerprint() -> None:
    md5s = {"a.py": "c13367945d5d4c91047b3b50234aa7ab", "b/vgg-42": "8d777f385d3dfec8815d20f7496026dc"}
    entry = {
        "cmd": 'train "$DVC_STAGE"',
        "deps": [{"path": path, "hash": "md5", "md5": md5, "size": 4} for path, md5 in md5s.items()],
        "params": {"params.yaml": {"models.vgg": PARAMS["models"]["vgg"], "rate": 1}},
    }
    write("dvc.lock", {"schema": "2.0", "stages": {"train@vgg-42": entry}})
    assert (
        fingerprints.of_lock("train@vgg-42")
        == fingerprints.recorded("train@vgg-42")
        == fingerprints.of_stage("train@vgg-42")
    )
    assert fingerprints.recorded("train@other") is None


@pytest.mark.parametrize("change", ["code", "data", "rate", "model"])
def test_every_dep_and_param_changes_it(change: str) -> None:
    before = fingerprints.of_stage("train@vgg-42")
    if change in ("code", "data"):
        Path({"code": "a.py", "data": "b/vgg-42"}[change]).write_text("other")
    else:
        write("params.yaml", PARAMS | ({"rate": 2} if change == "rate" else {"models": {"vgg": {"rate": 0.01}}}))
    with pytest.raises(InputError, match=r"of train@vgg-42 changed while it ran: put back what was .* loses nothing"):
        fingerprints.require_unchanged("train@vgg-42", before)


def test_what_the_stage_does_not_depend_on_leaves_it() -> None:
    before = fingerprints.of_stage("train@vgg-42")
    write("params.yaml", PARAMS | {"other": 3})
    fingerprints.require_unchanged("train@vgg-42", before)


def test_missing_dependency_and_lock_are_named() -> None:
    with pytest.raises(InputError, match=r"dvc\.lock has no train@vgg-42"):
        fingerprints.of_lock("train@vgg-42")
    Path("b/vgg-42").unlink()
    with pytest.raises(InputError, match="b/vgg-42 is missing"):
        fingerprints.of_stage("train@vgg-42")


def test_folders_have_the_md5s_that_dvc_gave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    stages = lock.read()
    code = {path: md5 for stage in stages.values() for path, md5 in stage.deps.items() if path.startswith("pipeline/")}
    assert "pipeline/network" in code
    assert {path: fingerprints.md5(Path(path)) for path in code} == code


def test_what_dvcignore_names_leaves_a_folders_md5() -> None:
    before = fingerprints.md5(Path("b"))
    Path(".dvcignore").write_text("__pycache__/\n*.pyc\n")
    Path("b/__pycache__").mkdir()
    Path("b/__pycache__/a.txt").write_text("cached")
    Path("b/a.pyc").write_text("cached")
    assert fingerprints.md5(Path("b")) == before
    Path("b/new").write_text("data")
    assert fingerprints.md5(Path("b")) != before


def test_seeds_of_a_model_have_fingerprints_of_their_own() -> None:
    write("dvc.yaml", {"stages": {"train": PIPELINE["stages"]["train"] | {"deps": ["a.py"]}}})
    assert fingerprints.of_stage("train@vgg-42") != fingerprints.of_stage("train@vgg-43")


def test_a_fingerprint_is_the_sha_256_of_its_parts_as_json() -> None:
    """Written out, since runs in a store are found by it: another form would lose them all."""
    stage = lock.StageLock("train@é-42", "train é", {"a.py": "1"}, {"made": "2"}, {"rate": 0.001})
    text = '{"cmd": "train é", "deps": {"a.py": "1"}, "params": {"rate": 0.001}, "stage": "train@é-42"}'
    assert fingerprints.of_stage_lock(stage) == hashlib.sha256(text.encode()).hexdigest()


def test_a_models_name_may_have_hyphens() -> None:
    write("params.yaml", PARAMS | {"models": {"my-vgg": {"rate": 1}, "my": {"rate": 2}}})
    Path("b/my-vgg-42").write_text("data")
    before = fingerprints.of_stage("train@my-vgg-42")
    write("params.yaml", PARAMS | {"models": {"my-vgg": {"rate": 1}, "my": {"rate": 3}}})
    assert fingerprints.of_stage("train@my-vgg-42") == before


@pytest.mark.parametrize("part", ["models/vgg-${item.seed}.x", {"other.yaml": ["a"]}])
def test_what_of_dvc_yaml_has_no_fingerprint_is_one_line(
    part: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files.write_json(Path("dvc.yaml"), {"stages": {"train": {"cmd": "train", "deps": [], "params": [part]}}})
    with pytest.raises(InputError, match=r"^dvc\.yaml: .*: a fingerprint"):
        fingerprints.of_stage("train@vgg-42", {})
