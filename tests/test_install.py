"""The locks hold what requirements*.txt pin, each file of it by its hash; `make` alone tells what it can do."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

LOCKS = sorted(ROOT.glob("requirements*.lock"))
RUNS, SERVES, DEVELOPS = (ROOT / f"requirements{name}.lock" for name in ("", "-serve", "-dev"))


def entries(lock: Path) -> list[str]:
    return re.sub(r" \\\n *", " ", lock.read_text()).splitlines()


def pins(lines: list[str]) -> set[tuple[str, str]]:
    found = [Requirement(line.partition(" --hash")[0]) for line in lines if not line.startswith(("#", "-"))]
    return {(canonicalize_name(pin.name), str(pin.specifier)) for pin in found}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_entry_of_a_lock_is_one_version_with_hashes_and_no_entry_names_an_index(lock: Path) -> None:
    entry = re.compile(r"[a-z0-9-]+==[\w.]+( ; [^-:]+)?( --hash=sha256:[0-9a-f]{64})+")
    assert [line for line in entries(lock) if not entry.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_each_pin_of_its_requirements(lock: Path) -> None:
    assert pins(lock.with_suffix(".txt").read_text().splitlines()) <= pins(entries(lock))


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock not in (RUNS, SERVES)], ids=lambda lock: lock.name)
def test_an_addition_changes_nothing_of_what_runs(lock: Path) -> None:
    assert set(entries(RUNS)) < set(entries(lock)) <= set(entries(DEVELOPS))


def test_the_service_has_the_versions_of_what_runs() -> None:
    assert pins(entries(SERVES)) < pins(entries(RUNS))


def test_make_alone_prints_a_line_for_each_target() -> None:
    (targets,) = re.findall(r"^\.PHONY: (.+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    of_make_test = ("MAKEFLAGS", "MAKELEVEL")
    alone = {name: value for name, value in os.environ.items() if name not in of_make_test}
    printed = subprocess.run(["make"], cwd=ROOT, env=alone, check=True, capture_output=True, text=True).stdout
    assert [line.split()[:2] for line in printed.splitlines()] == [["make", target] for target in targets.split()]
    assert all(re.match(r"make [\w-]+ +\S", line) for line in printed.splitlines())


@pytest.mark.parametrize(("recorded", "made_anew"), [("clone", False), ("other", True)])
def test_a_clone_that_was_renamed_gets_its_environment_anew(tmp_path: Path, recorded: str, made_anew: bool) -> None:
    clone = tmp_path / "clone"
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("requirements.lock", ".venv/bin/uv", ".venv/runs"):
        (clone / name).touch()
    (clone / ".venv/bin/activate").write_text(f"VIRTUAL_ENV={tmp_path}/{recorded}/.venv\n")
    command = ["make", "--dry-run", "check"]
    printed = subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout
    assert ("-m venv --clear .venv" in printed) == ("uv pip install" in printed) == made_anew
    assert "python -m pipeline gate" in printed
