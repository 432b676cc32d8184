"""What the core does without: each folder is an add-on, which a person may delete.

An add-on is found by the names of its modules, all of them optional. Nothing outside `addons/` imports one or knows it
by name. `NEEDS` in its `__init__.py` names the other add-ons that it imports, `INSTALLED_BY` what brings its packages.

- `command.py`: `main`, a command of `python -m pipeline`, which has the add-on's name
- `settings.py`: `Settings`, the section of the add-on's name in params.yaml, and `check`, what it asks of all
- `backbone.py`: `build`, a pretrained network in place of a model's `blocks`, and `without_frozen`, what is to train
- `datasets.py`: `DATASETS`, published datasets by the names that `fetch.dataset` gives them
- `stage.py`: a stage of `dvc.yaml`
- `trainer.py`: `fit`, which trains with several workers
- `evaluator.py`: `evaluate`, what else the stage `evaluate` finds out about a model
- `section.py`: `section`, a part of the report
- `document.py`: `write`, a document beside the report
- `checks.py`: what the gate can ask of it: `metrics(training, asked)` returns, nested, what is asked for and
  metrics.json has not, `against_revisions(model, gate)` returns checks against git revisions; each may be left out
- `run.py`: `restore(journal, training)`, what it adds to a training's run in MLflow, from what is on disk
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.base.errors import InputError


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


def with_metrics(metrics: dict[str, Any], asked: Iterable[str], training: Any) -> dict[str, Any]:
    """Return a training's metrics, nested, with those that add-ons have where some are asked for that it has not."""
    from pipeline.config.gate import TOGETHER  # here, since pydantic takes a tenth of a second
    from pipeline.config.section import leaves

    known = dict(leaves(metrics))
    asked = [name for name in asked if name not in known and not name.startswith(TOGETHER)]
    for more in functions("checks", "metrics") if asked else []:
        metrics = metrics | more(training, asked)
    return metrics


def first(module: str, key: str) -> ModuleType:
    """Import the first such module of an add-on, as `key` of params.yaml asks for; raise `InputError` without any."""
    for dotted in offering(module).values():
        return import_module(dotted)
    raise InputError(f"{key} needs an add-on with {module}.py, and pipeline/addons/ has none: leave {key} out")


def require(what: str, extra: str, *packages: str) -> None:
    """Raise `InputError` unless the packages that `what` needs are installed, which `make EXTRA` does."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise InputError(f"{what} needs {', '.join(missing)}: run `make {extra}`, which installs what is missing")
