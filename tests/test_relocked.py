"""`.ci/relocked` tells which outs of dvc.lock are other bytes than the committed ones, and refuses other data."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.base import files
from tests.conftest import ROOT

WHOLE = files.read_yaml(ROOT / "dvc.lock")["stages"]
TRAIN = next(name for name in WHOLE if name.startswith("train@"))
MODEL = next(out["path"] for out in WHOLE[TRAIN]["outs"] if out["path"].startswith("models/"))
CONTENT = {"stages": {name: WHOLE[name] for name in ("fetch", "prepare", "duplicates", TRAIN)}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a repository with the beginning of this project's dvc.lock committed."""
    files.write_json(tmp_path / "dvc.lock", CONTENT)  # JSON is YAML
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "locked"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *command], cwd=tmp_path, check=True)
    return tmp_path


def relocked(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command, and return its exit code and what it printed."""
    command = [sys.executable, str(ROOT / ".ci/relocked"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def remade(path: str) -> dict[str, Any]:
    """Return the lock with another MD5 wherever a stage reads or makes a path."""
    content = copy.deepcopy(CONTENT)
    for stage in content["stages"].values():
        for item in [*stage["deps"], *stage["outs"]]:
            item["md5"] = item["md5"][::-1] if item["path"] == path else item["md5"]
    return content


def test_the_same_bytes_are_said_to_be_the_same(folder: Path) -> None:
    code, printed, complaint = relocked(folder, "HEAD")
    assert printed.startswith("\nThe same bytes as at HEAD, on ")
    assert "|" not in printed
    assert (code, complaint) == (0, "")


@pytest.mark.parametrize(("stage", "path"), [(TRAIN, MODEL), ("prepare", "reports/samples.png")])
def test_another_model_or_picture_is_a_row_and_no_failure(folder: Path, stage: str, path: str) -> None:
    files.write_json(folder / "dvc.lock", remade(path))
    code, printed, complaint = relocked(folder, "HEAD")
    assert printed.startswith("\nNot the same bytes as at HEAD, on ")
    assert printed.splitlines()[3:] == ["| stage | outs that differ |", "|---|---|", f"| {stage} | {Path(path).name} |"]
    assert (code, complaint) == (0, "")


@pytest.mark.parametrize(
    ("stage", "path"),
    [("fetch", "data/raw"), ("prepare", "data/prepared/test"), ("duplicates", "data/duplicates.csv")],
)
def test_other_data_is_a_row_and_fails(folder: Path, stage: str, path: str) -> None:
    files.write_json(folder / "dvc.lock", remade(path))
    code, printed, complaint = relocked(folder, "HEAD")
    assert f"| {stage} | {Path(path).name} |" in printed.splitlines()
    assert (code, complaint) == (1, f"error: other data than at HEAD: {path}\n")


def test_data_that_was_not_made_fails(folder: Path) -> None:
    stages = {name: stage for name, stage in CONTENT["stages"].items() if name != "duplicates"}
    files.write_json(folder / "dvc.lock", {"stages": stages})
    code, _, complaint = relocked(folder, "HEAD")
    assert (code, complaint) == (1, "error: other data than at HEAD: data/duplicates.csv\n")


@pytest.mark.parametrize("arguments", [[], ["gone"]])
def test_a_revision_that_is_not_there_is_refused_in_a_line(folder: Path, arguments: list[str]) -> None:
    code, printed, complaint = relocked(folder, *arguments)
    assert (code, printed, len(complaint.splitlines())) == (2, "", 1)
    assert complaint.startswith("error: ")
