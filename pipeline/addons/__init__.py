"""What the core does without: each folder is an add-on, which a person may delete.

An add-on is found by the names of its modules. Nothing outside `addons/` imports one or knows it by name.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType


def offering(module: str) -> dict[str, str]:
    """Return the add-ons, sorted, that have a module of this name, each with that module's dotted name."""
    found = sorted(Path(__file__).parent.glob(f"*/{module}.py"))
    return {path.parent.name: f"{__name__}.{path.parent.name}.{module}" for path in found}


def modules(module: str) -> dict[str, ModuleType]:
    """Import the module of this name of every add-on that has one, and return them by add-on."""
    return {name: import_module(dotted) for name, dotted in offering(module).items()}
