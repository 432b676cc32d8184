"""One lock holds what pyproject.toml names, each file of it by its hash; `make` alone tells what it can do."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

FILE = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE, EXTRAS = FILE["project"]["dependencies"], FILE["project"]["optional-dependencies"]
GROUPS = FILE["dependency-groups"]
NAMED = [*CORE, *(name for names in [*EXTRAS.values(), *GROUPS.values()] for name in names if isinstance(name, str))]
ENTRIES = re.sub(r" \\\n *", " ", (ROOT / "requirements.lock").read_text()).splitlines()


def pins(lines: Iterable[str]) -> set[tuple[str, str]]:
    found = [Requirement(line.partition(" --hash")[0]) for line in lines if not line.startswith("#")]
    return {(canonicalize_name(pin.name), str(pin.specifier)) for pin in found}


def undeclared(files: Iterable[Path], declared: Iterable[str]) -> set[str]:
    """List what Python files import that comes with none of the requirements."""
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    found = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"pipeline"}
    named, known = {name for name, _ in pins(declared)}, packages_distributions()
    return {name for name in found if not {canonicalize_name(one) for one in known[name]} & named}


def test_each_entry_of_the_lock_is_one_version_with_hashes_and_no_entry_names_an_index() -> None:
    entry = re.compile(r"[a-z0-9-]+==[\w.]+( ; [^-:]+)?( --hash=sha256:[0-9a-f]{64})+")
    assert [line for line in ENTRIES if not entry.fullmatch(line)] == []


def test_the_lock_has_what_the_project_names_and_each_version_is_named_once() -> None:
    locked, named = pins(ENTRIES), pins(NAMED)
    assert {name for name, _ in named} <= {name for name, _ in locked}
    pinned = [(name, version) for name, version in named if version]
    assert set(pinned) <= locked
    assert {name for name, version in named if not version} <= {name for name, _ in pinned}


def test_what_builds_the_project_is_a_part_of_the_locked_uv() -> None:
    (backend,) = FILE["build-system"]["requires"]
    assert backend.removeprefix("uv_build") in {version for name, version in pins(ENTRIES) if name == "uv"}


def test_pip_gets_what_the_pipeline_runs_on() -> None:
    assert pins((ROOT / "requirements.txt").read_text().splitlines()) == pins(CORE)


def test_what_is_imported_is_declared_and_what_the_core_imports_needs_no_extra() -> None:
    files = set((ROOT / "pipeline").rglob("*.py"))
    addons = set((ROOT / "pipeline/addons").rglob("*.py"))
    assert undeclared(files - addons, CORE) == set()
    optional = [name for names in EXTRAS.values() for name in names]
    assert undeclared(addons, [*CORE, *optional, *GROUPS["serve"]]) == set()


@pytest.mark.parametrize(
    ("package", "words", "said"),
    [
        ("optuna", "sweep sweeps/filters.yaml", "sweep needs optuna: run `make sweep`"),
        ("httptools", "serve", "serve needs httptools: run `make serve`"),
    ],
)
def test_a_command_whose_package_is_missing_says_in_a_line_what_adds_it(package: str, words: str, said: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from pipeline.__main__ import run; run()"
    command = [sys.executable, "-c", code, *words.split()]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", f"error: {said}, which installs what is missing\n")
    assert done.returncode == 2


def test_what_add_ons_name_as_missing_is_what_make_adds() -> None:
    calls = [
        node
        for file in (ROOT / "pipeline/addons").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "addons.require"
    ]
    extras = {ast.literal_eval(call.args[1]) for call in calls}
    assert extras
    assert extras <= EXTRAS.keys()  # what a whole command lacks, `__main__.py` says: its extra has the command's name


def test_make_alone_prints_a_line_for_each_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (targets,) = re.findall(r"^\.PHONY: (.+)", makefile, re.MULTILINE)
    (extras,) = re.findall(r"^EXTRAS := (.+)", makefile, re.MULTILINE)
    assert set(extras.split()) == EXTRAS.keys()
    of_make_test = ("MAKEFLAGS", "MAKELEVEL")
    alone = {name: value for name, value in os.environ.items() if name not in of_make_test}
    printed = subprocess.run(["make"], cwd=ROOT, env=alone, check=True, capture_output=True, text=True).stdout
    told = [line.split()[:2] for line in printed.splitlines()]
    assert told == [["make", target] for target in targets.replace("$(EXTRAS)", extras).split()]
    assert all(re.match(r"make [\w-]+ +\S", line) for line in printed.splitlines())


@pytest.mark.parametrize(("recorded", "made_anew"), [("clone", False), ("other", True)])
def test_a_clone_that_was_renamed_gets_its_environment_anew(tmp_path: Path, recorded: str, made_anew: bool) -> None:
    clone = tmp_path / "clone"
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("pyproject.toml", "requirements.lock", ".venv/bin/uv", ".venv/runs"):
        (clone / name).touch()
    (clone / ".venv/bin/activate").write_text(f"VIRTUAL_ENV={tmp_path}/{recorded}/.venv\n")
    command = ["make", "--dry-run", "check"]
    printed = subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout
    assert ("-m venv --clear .venv" in printed) == ("uv pip install" in printed) == made_anew
    assert "python -m pipeline gate" in printed
