"""The rooms of pipeline/, and what imports what, read from the source."""

import ast
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

TOP = "pipeline"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / TOP).rglob("*.py"))
}

ADDONS = sorted(path.parent.name for path in (ROOT / TOP / "addons").glob("*/__init__.py"))


def room(module: str) -> str:
    """Return the folder of a module below pipeline/: of an add-on with `addons/` before it, of `__main__` itself."""
    first, *parts = module.split(".")[1:] or ["__init__"]
    return f"addons/{parts[0]}" if first == "addons" and parts else first


def needed(addon: str) -> tuple[str, ...]:
    """Return the add-ons that one needs, as its `__init__.py` says."""
    body = ast.parse(MODULES[f"{TOP}.addons.{addon}"].read_text()).body
    (value,) = (node.value for node in body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NEEDS")
    return tuple(ast.literal_eval(value))


@cache
def imports(module: str) -> frozenset[str]:
    """List our own modules that a module imports, inside functions too."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in named if name in MODULES and name != TOP)


def reached(*modules: str) -> set[str]:
    """Walk the imports from modules and return all files that they reach, relative to the repository, but packages'."""
    seen, waiting = set(modules), list(modules)
    while waiting:
        found = imports(waiting.pop()) - seen
        seen |= found
        waiting += found
    paths = {MODULES[name].relative_to(ROOT) for name in seen}
    return {path.as_posix() for path in paths if path.name != "__init__.py"}


def packages(path: Path) -> set[str]:
    """List the first parts of the names of all modules that a file imports, but for its annotations."""
    named: set[str] = set()
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not _is_for_annotations(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.add(node.module.split(".")[0])
    return named


def _is_for_annotations(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
