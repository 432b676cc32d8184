"""What the core does without: each folder is an add-on, which a person may delete.

An add-on is found by the names of its modules. Nothing outside `addons/` imports one or knows it by name.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from pipeline.base.errors import InputError


def offering(module: str) -> dict[str, str]:
    """Return the add-ons, sorted, that have a module of this name, each with that module's dotted name."""
    found = sorted(Path(__file__).parent.glob(f"*/{module}.py"))
    return {path.parent.name: f"{__name__}.{path.parent.name}.{module}" for path in found}


def modules(module: str) -> dict[str, ModuleType]:
    """Import the module of this name of every add-on that has one, and return them by add-on."""
    return {name: import_module(dotted) for name, dotted in offering(module).items()}


def require(what: str, extra: str, *packages: str) -> None:
    """Raise `InputError` unless the packages that `what` needs are installed, which `make EXTRA` does."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise InputError(f"{what} needs {', '.join(missing)}: run `make {extra}`, which installs what is missing")
