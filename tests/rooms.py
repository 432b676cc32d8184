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


def room(module: str) -> str:
    """Return the folder of a module, `stages` also for the commands, which stand beside the folders."""
    top, *parts = module.split(".")
    file = MODULES.get(f"{top}.{parts[0]}") if parts else None
    return parts[0] if file and file.name == "__init__.py" else "stages"


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


def reached(module: str) -> set[str]:
    """Walk the imports from a module and return the rooms that they reach, its own aside."""
    seen, waiting = {module}, [module]
    while waiting:
        found = imports(waiting.pop()) - seen
        seen |= found
        waiting += found
    return {room(name) for name in seen} - {"stages"}


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
