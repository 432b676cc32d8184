"""Every command of the pipeline: `python -m pipeline COMMAND`; without one, the list of them."""

import ast
import importlib
import re
import sys
from pathlib import Path

from pipeline import addons
from pipeline.base import errors


def run() -> None:
    """Run the command line's command and exit, as `pipeline` of pyproject.toml does."""
    errors.run(main)


def main() -> None:
    """Run the command that the command line names; say which there are if it names none."""
    known = commands()
    name = sys.argv[1] if sys.argv[1:] else "--help"
    if name in ("-h", "--help"):
        print(overview(known))
        return
    if name not in known:
        raise errors.InputError(errors.unknown_key(name, known))
    del sys.argv[1]
    try:
        command = importlib.import_module(known[name])
    except ModuleNotFoundError as error:
        if str(error.name).startswith("pipeline"):
            raise
        package = importlib.import_module(known[name].rpartition(".")[0])
        remedy = getattr(package, "INSTALLED_BY", "make repro")
        raise errors.InputError(f"{name} needs {error.name}: run `{remedy}`, which installs what is missing") from None
    command.main()


def commands() -> dict[str, str]:
    """Return the module of each command by name: a file of `commands/`, or an add-on's `command.py`."""
    core = [path.stem for path in sorted(Path(__file__).with_name("commands").glob("[a-z]*.py"))]
    return {name: f"pipeline.commands.{name}" for name in core} | addons.offering("command")


def overview(known: dict[str, str]) -> str:
    """List commands, each with what its docstring begins with; nothing is imported for that."""
    width = max(map(len, known))
    lines = [f"  {name:{width}}  {_purpose(module)}" for name, module in known.items()]
    return "\n".join(["usage: python -m pipeline COMMAND ...", "", *lines, "", "COMMAND --help says more."])


def _purpose(module: str) -> str:
    path = Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return re.split(r"[.:](?=\s|$)", docstring, maxsplit=1)[0].replace("\n", " ")


if __name__ == "__main__":
    run()
