"""The house: the core's imports go down, it knows no add-on, and a folder's docstring names every file."""

import re

import pytest

from pipeline import addons
from tests.conftest import ROOT
from tests.rooms import ADDONS, MODULES, TOP, imports, needed, packages, room

CORE = ("base", "config", "data", "network", "evaluation", "figures", "tracking", "stages", "commands", "__main__")
ASK = ("config", "data", "network", "tracking", "stages", "commands", "__main__")  # which look for add-ons
KNOW_MLFLOW = {"tracking", "addons/registry", "addons/ui"}
KNOW_TENSORFLOW = ("network", "addons/backbones", "addons/explanation", "addons/export", "addons/ray")


def allowed(here: str) -> set[str]:
    """Return the rooms that one may import: what is below it, for an add-on the core and the add-ons that it needs."""
    if here in CORE:
        return {*CORE[: CORE.index(here)], *(["addons"] if here in ASK else [])}
    addons = needed(here.removeprefix("addons/")) if here != "addons" else ()
    return {"addons", *CORE[:-3], *(f"addons/{name}" for name in addons)}


@pytest.mark.parametrize("module", [name for name in MODULES if name != TOP])
def test_imports_go_down(module: str) -> None:
    here = room(module)
    assert {room(name) for name in imports(module)} <= allowed(here) | {here}
    assert "mlflow" not in packages(MODULES[module]) or here in KNOW_MLFLOW


def test_every_folder_is_on_the_list() -> None:
    assert {path.parent.name for path in (ROOT / TOP).glob("*/__init__.py")} == {*CORE[:-1], "addons"}
    assert {*KNOW_MLFLOW, *KNOW_TENSORFLOW} <= {*CORE, *(f"addons/{name}" for name in ADDONS)}


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) not in KNOW_TENSORFLOW])
def test_tensorflow_comes_by_the_network_alone(module: str) -> None:
    """Imported elsewhere, it would come with its noise and without oneDNN."""
    assert not packages(MODULES[module]) & {"tensorflow", "keras"}


FOLDERS = [name for name, path in MODULES.items() if path.name == "__init__.py" and name not in (TOP, f"{TOP}.addons")]


@pytest.mark.parametrize("module", FOLDERS)
def test_a_folders_docstring_names_each_of_its_files(module: str) -> None:
    folder = MODULES[module].parent
    named = set(re.findall(r"^- `([\w./]+)`: ", MODULES[module].read_text(), re.MULTILINE))
    files = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.name}/" for path in folder.iterdir() if (path / "__init__.py").exists()}
    assert named == files | folders


def test_add_ons_offer_what_the_docstring_of_their_folder_lists() -> None:
    listed = re.findall(r"^- `(\w+)\.py`: ", MODULES[f"{TOP}.addons"].read_text(), re.MULTILINE)
    assert [module for module in listed if not addons.offering(module)] == []


def test_benchmarks_stand_without_the_tests() -> None:
    assert not [path.name for path in (ROOT / "benchmarks").glob("*.py") if "tests" in packages(path)]
