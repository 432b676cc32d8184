"""What the default models and `recipes/fast.yaml` are worth in every format, by `dvc repro` in clones.

The clones share this folder's cache of DVC, so that what it has trained is not trained again.
"""

import subprocess
from pathlib import Path
from typing import get_args

from benchmarks import clones, recipes
from pipeline.addons.export.settings import ExportFormat

PARAMS = (Path("params.yaml"), Path("recipes/fast.yaml"))


def table() -> str:
    """Export all models, and return a Markdown table for each training."""
    return "\n\n".join(found for path in PARAMS for found in tables(path))


def tables(path: Path) -> list[str]:
    """Export every model of a params file in a clone, or go on with that, and return their reports' tables."""
    folder, params = clones.kept(f"exports-{path.stem}"), recipes.suited(path)
    if not folder.exists():
        clones.make(folder, params | {"export": {"models": list(params["models"]), "formats": get_args(ExportFormat)}})
        subprocess.run(["dvc", "cache", "dir", "--local", Path(".dvc/cache").resolve()], cwd=folder, check=True)
        subprocess.run(["dvc", "checkout", "--allow-missing"], cwd=folder, check=True)
    subprocess.run(["dvc", "repro"], cwd=folder, check=True)
    return [_table(folder, f"{model}-{seed}") for model in params["models"] for seed in params["seeds"]]


def _table(folder: Path, training: str) -> str:
    lines = (folder / "reports" / training / "exports.md").read_text().splitlines()
    return "\n".join([f"**{training}**", "", *(line for line in lines if line.startswith("|"))])
