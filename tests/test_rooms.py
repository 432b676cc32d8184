"""The house: what each room may import, and that its docstring names every file."""

import re

import pytest

from tests.conftest import ROOT
from tests.rooms import MODULES, TOP, imports, packages, room

MAY_IMPORT = {
    "base": set(),
    "figures": {"base"},
    "config": {"base"},
    "data": {"config", "base"},
    "network": {"config", "base"},
    "explanation": {"network", "config", "base"},
    "evaluation": {"config", "base"},
    "page": {"evaluation", "config", "base"},
    "runtimes": {"base"},
    "export": {"runtimes", "network", "evaluation", "figures", "config", "base"},
    "cluster": {"network", "config", "base"},
    "scoring": {"cluster", "network", "data", "config", "base"},
    "runs": {"network", "config", "base"},
    "monitoring": {"evaluation", "base"},
    "serving": {"monitoring", "runtimes", "data", "config", "base"},
    "champion": {"serving", "runs", "runtimes", "evaluation", "network", "config", "base"},
    "sweeps": {"runs", "cluster", "evaluation", "network", "config", "figures", "base"},
    "revisions": {"runs", "evaluation", "config", "base"},
    "stages": {
        "revisions",
        "sweeps",
        "champion",
        "serving",
        "monitoring",
        "runs",
        "scoring",
        "cluster",
        "export",
        "runtimes",
        "page",
        "evaluation",
        "explanation",
        "network",
        "data",
        "config",
        "figures",
        "base",
    },
}
KNOW_MLFLOW = {"runs", "champion"}
KNOW_TENSORFLOW = ("network", "export")


@pytest.mark.parametrize("module", [name for name in MODULES if name != TOP])
def test_imports_go_down(module: str) -> None:
    here = room(module)
    assert {room(name) for name in imports(module)} <= MAY_IMPORT[here] | {here}
    assert not any(name.startswith(f"{TOP}.stages.") for name in imports(module))
    assert "mlflow" not in packages(MODULES[module]) or here in KNOW_MLFLOW


def test_no_room_is_above_and_below_another() -> None:
    rows = list(MAY_IMPORT)
    assert all(rows.index(below) < rows.index(room) for room, allowed in MAY_IMPORT.items() for below in allowed)
    assert rows[:-1] == [path.name for path in map((ROOT / TOP).joinpath, rows[:-1]) if path.is_dir()]
    assert set(rows) == {path.name for path in (ROOT / TOP).iterdir() if (path / "__init__.py").exists()}


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) not in KNOW_TENSORFLOW])
def test_tensorflow_comes_by_the_network_alone(module: str) -> None:
    """Imported elsewhere, it would come with its noise and without oneDNN."""
    assert not packages(MODULES[module]) & {"tensorflow", "keras"}


def test_who_else_knows_tensorflow_imports_the_network_first() -> None:
    assert all("import pipeline.network" in MODULES[f"{TOP}.{name}"].read_text() for name in KNOW_TENSORFLOW[1:])


@pytest.mark.parametrize("module", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_a_rooms_docstring_names_each_of_its_files(module: str) -> None:
    folder = MODULES[module].parent
    named = set(re.findall(r"^- `([\w./]+)`: ", MODULES[module].read_text(), re.MULTILINE))
    files = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.name}/" for path in folder.iterdir() if (path / "__init__.py").exists()}
    assert named == files | (set() if module == TOP else folders)


def test_benchmarks_stand_without_the_tests() -> None:
    assert not [path.name for path in (ROOT / "benchmarks").glob("*.py") if "tests" in packages(path)]
