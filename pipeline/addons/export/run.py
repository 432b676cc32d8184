"""What a training's run in MLflow gets of its exported networks."""

from pathlib import Path
from typing import Any

from pipeline.base import files
from pipeline.config.schema import Training
from pipeline.tracking import paths, stale
from pipeline.tracking.journals import Journal


def add(journal: Journal, exported: Path, reports: Path, metrics: dict[str, Any]) -> None:
    """Attach exported networks, all files of a folder, and their pages in `reports`, and log the metrics of each."""
    networks = {f"exports/{path.relative_to(exported).as_posix()}": path for path in sorted(exported.rglob("*"))}
    pages = {path.name: path for path in sorted(reports.glob("exports.*"))}
    journal.attach({name: path for name, path in (networks | pages).items() if path.is_file()})
    journal.log_metrics({"exports": metrics})


def restore(journal: Journal, training: Training) -> None:
    """Add what is on disk as the stage `export` left it, without the times that it measured."""
    if stale.on_disk(f"export@{training.name}"):
        reports = paths.metrics(training).parent
        add(journal, Path("models/exported", training.name), reports, files.read_json(reports / "exports.json"))
