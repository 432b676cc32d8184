"""What the core does without: each folder is an add-on, which a person may delete.

An add-on is found by the names of its modules. Nothing outside `addons/` imports one or knows it by name.

- `command.py` is a command of `python -m pipeline`, its function `main`.
- `checks.py` is what the gate can ask of it, by functions that may each be left out: `metric_names(params)` lists
  the metrics that it makes, `metrics(training, asked, reports)` returns them, nested, if any of them is asked for, and
  `against_revisions(model, gate)` returns the checks of a model against git revisions.
- `run.py` is what it adds to a training's run in MLflow: `restore(record, training)` does so from what is on disk.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def offering(module: str) -> dict[str, str]:
    """Return the add-ons, sorted, that have a module of this name, each with that module's dotted name."""
    found = sorted(Path(__file__).parent.glob(f"*/{module}.py"))
    return {path.parent.name: f"{__name__}.{path.parent.name}.{module}" for path in found}


def modules(module: str) -> dict[str, ModuleType]:
    """Import the module of this name of every add-on that has one, and return them by add-on."""
    return {name: import_module(dotted) for name, dotted in offering(module).items()}


def functions(module: str, function: str) -> list[Callable[..., Any]]:
    """Return the functions of one name in the modules of one name, of the add-ons that have both."""
    return [getattr(found, function) for found in modules(module).values() if hasattr(found, function)]
