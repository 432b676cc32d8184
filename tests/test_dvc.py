"""What dvc.yaml promises: complete dependencies, one home for each path, a lock that is up to date."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline import files
from tests.conftest import ROOT

STAGES = files.read_yaml(ROOT / "dvc.yaml")["stages"]


def definition(stage: str) -> dict[str, Any]:
    found: dict[str, Any] = STAGES[stage].get("do", STAGES[stage])
    return found


def imports(module: Path) -> set[str]:
    """List what a module imports, inside functions too: modules, and the names taken from them."""
    tree = ast.parse((ROOT / module).read_text())
    if module.name == "params.py":  # its command line, which stages do not run, knows every dataset
        tree.body = [node for node in tree.body if getattr(node, "name", None) != "main"]
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def imported(module: Path, seen: set[Path]) -> set[Path]:
    """Walk the project's modules that a module needs."""
    seen.add(module)
    for path in (Path(*name.split(".")).with_suffix(".py") for name in imports(module)):
        if path.parts[0] == "pipeline" and (ROOT / path).is_file() and path not in seen:
            imported(path, seen)
    return seen


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_exactly_the_modules_a_stage_imports(stage: str) -> None:
    listed = {Path(dep) for dep in definition(stage)["deps"] if dep.startswith("pipeline/")}
    assert listed == imported(Path("pipeline", "stages", f"{stage}.py"), set())


def test_import_walk_sees_imports_inside_functions() -> None:
    assert Path("pipeline/store.py") in imported(Path("pipeline/stages/train.py"), set())


def test_training_never_sees_the_test_split() -> None:
    data = {dep for dep in definition("train")["deps"] if dep.startswith("data/")}
    assert data == {f"data/prepared/{name}" for name in ("dataset.json", "train.npz", "validation.npz")}


@pytest.mark.parametrize("stage", STAGES)
def test_what_git_keeps_does_not_switch_off_the_run_cache(stage: str) -> None:
    kept = [out for out in definition(stage).get("outs", []) if isinstance(out, dict)]
    assert not kept or stage == "report"


MLFLOW = {"store.py", "tracking.py", "registry.py", "versions.py"}
MODULES = [path.relative_to(ROOT) for path in sorted((ROOT / "pipeline").rglob("*.py"))]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_one_way(module: Path) -> None:
    found = imports(module)
    assert not any(name.startswith("pipeline.stages") for name in found)
    assert any(name.split(".")[0] == "mlflow" for name in found) == (module.name in MLFLOW)


@pytest.mark.parametrize("module", ["fetch", "prepare", "report"])
def test_quick_stages_import_neither_tensorflow_nor_mlflow(module: str) -> None:
    code = (
        f"import pipeline.stages.{module}, sys; print(sorted({{'tensorflow', 'keras', 'mlflow'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_lock_is_up_to_date_with_params_and_code() -> None:
    """A clone has neither data nor models, but the params, the code and the reports that dvc.lock speaks of."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    changed = [
        f"{stage}: {path} {state}"
        for stage, entries in json.loads(done.stdout).items()
        for entry in entries
        for path, state in (_flat(entry) if isinstance(entry, dict) else [(entry, "")])
        if not (state in ("deleted", "not in cache") and NOT_IN_GIT.match(path))
    ]
    assert not changed, "run `dvc repro` and commit dvc.lock and reports/"


NOT_IN_GIT = re.compile(r"(data|models)/|reports/[^/]+/predictions\.csv")


def _flat(entry: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for value in entry.values():
        for path, state in value.items():
            found += _flat({path: state}) if isinstance(state, dict) else [(path, state)]
    return found
