from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline import fingerprint
from pipeline.errors import InputError

PIPELINE = {
    "stages": {
        "train": {"foreach": "${models}", "do": {"deps": ["a.py", "b/${key}"], "params": ["seed", "models.${key}"]}}
    }
}
PARAMS: dict[str, Any] = {"seed": 1, "other": 2, "models": {"vgg": {"rate": 1e-3, "filters": [1, 2], "none": None}}}


def write(name: str, content: Any) -> None:
    with Path(name).open("w") as file:
        YAML().dump(content, file)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b").mkdir()
    Path("a.py").write_text("code")
    Path("b/vgg").write_text("data")
    write("dvc.yaml", PIPELINE)
    write("params.yaml", PARAMS)


def test_lock_of_the_same_state_has_the_same_fingerprint() -> None:
    md5s = {"a.py": "c13367945d5d4c91047b3b50234aa7ab", "b/vgg": "8d777f385d3dfec8815d20f7496026dc"}
    entry = {
        "deps": [{"path": path, "hash": "md5", "md5": md5, "size": 4} for path, md5 in md5s.items()],
        "params": {"params.yaml": {"models.vgg": PARAMS["models"]["vgg"], "seed": 1}},
    }
    write("dvc.lock", {"schema": "2.0", "stages": {"train@vgg": entry}})
    assert fingerprint.of_lock("train@vgg") == fingerprint.recorded("train@vgg") == fingerprint.of_stage("train@vgg")
    assert fingerprint.recorded("train@other") is None


@pytest.mark.parametrize("change", ["code", "data", "seed", "model"])
def test_every_input_changes_it(change: str) -> None:
    before = fingerprint.of_stage("train@vgg")
    if change in ("code", "data"):
        Path({"code": "a.py", "data": "b/vgg"}[change]).write_text("other")
    else:
        write("params.yaml", PARAMS | ({"seed": 2} if change == "seed" else {"models": {"vgg": {"rate": 0.01}}}))
    with pytest.raises(InputError, match="of train@vgg changed while it ran"):
        fingerprint.require("train@vgg", before)


def test_what_is_no_input_leaves_it() -> None:
    before = fingerprint.of_stage("train@vgg")
    write("params.yaml", PARAMS | {"other": 3})
    fingerprint.require("train@vgg", before)


def test_missing_dependency_and_lock_are_named() -> None:
    with pytest.raises(InputError, match=r"dvc\.lock has no train@vgg"):
        fingerprint.of_lock("train@vgg")
    Path("b/vgg").unlink()
    with pytest.raises(InputError, match="b/vgg is missing"):
        fingerprint.of_stage("train@vgg")
