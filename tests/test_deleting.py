"""Any add-on can be deleted, with those that need it: its folder, the lines of dvc.yaml that name it, its section."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.rooms import ADDONS, needed

CORE_TESTS = [f"tests/{name}" for name in ("base", "config", "data", "network", "evaluation", "figures", "tracking")]
CORE_TESTS += ["tests/stages", "tests/commands"]
OF_THE_LOCK = "not up_to_date and not committed_results and not that_dvc_gave_them"  # which is another without add-ons
EACH = os.environ.get("EACH_ADDON") is not None  # an hour: by hand


def with_those_that_need(name: str) -> set[str]:
    """Return an add-on and all that need it."""
    found = {name}
    while more := {other for other in ADDONS if found & {*needed(other)}} - found:
        found |= more
    return found


def delete(folder: Path, names: set[str]) -> None:
    """Do what dvc.yaml says that whoever deletes an add-on does."""
    for name in names:
        shutil.rmtree(folder / "pipeline/addons" / name)
        for place in ("recipes", "tests/addons"):
            shutil.rmtree(folder / place / name, ignore_errors=True)
    any_of = "|".join(sorted(names))
    stages = re.split(r"\n\n(?=  \w)", (folder / "dvc.yaml").read_text())
    kept = [stage for stage in stages if not re.search(rf"cmd: .*pipeline\.addons\.({any_of})\.", stage)]
    lines = [line for stage in kept for line in [*stage.splitlines(), ""]]
    named = re.compile(rf"pipeline/addons/({any_of})\b|# ({any_of})$")
    (folder / "dvc.yaml").write_text("\n".join(line for line in lines if not named.search(line)))
    for path in (folder / "params.yaml", *folder.rglob("recipes/**/*.yaml"), folder / "tests/params.yaml"):
        path.write_text(re.sub(rf"(?m)^({any_of}):.*\n(?:[ ]+.*\n)*", "", path.read_text()))


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run one of Python's modules in a folder, with its code; raise for what fails, with all that it printed."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a clone of the working tree."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in listed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for words in (["init", "-q"], ["add", "--force", "."]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["all of them", *(ADDONS if EACH else [])])
def test_without_add_ons_the_core_is_whole(name: str, copy: Path) -> None:
    delete(copy, {*ADDONS} if name == "all of them" else with_those_that_need(name))
    assert "nothing wrong" in run(copy, "pipeline", "params").stdout
    run(copy, "pytest", "-m", "not slow", "-k", OF_THE_LOCK, *CORE_TESTS)
    shutil.copy(copy / "recipes/demo.yaml", copy / "params.yaml")
    (copy / "dvc.lock").unlink()
    run(copy, "dvc", "repro")
    assert "# Models on digits" in (copy / "reports/README.md").read_text()


@pytest.mark.parametrize("name", ADDONS)
def test_without_an_add_on_the_params_are_right(name: str, copy: Path) -> None:
    delete(copy, with_those_that_need(name))
    assert "nothing wrong" in run(copy, "pipeline", "params").stdout
    assert not [line for line in (copy / "dvc.yaml").read_text().splitlines() if f"addons/{name}/" in line]
