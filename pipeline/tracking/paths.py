"""Where the stages put what commands look at. dvc.yaml says so; a test holds these to it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config.schema import Training  # for real it would bring pydantic, for a tenth of a second

PREPARED = Path("data/prepared")
DATASET = PREPARED / "dataset.json"
TRAIN, VALIDATION, TEST = (PREPARED / part for part in ("train", "validation", "test"))
EVALUATIONS = Path("data/evaluations")
REPORTS = Path("reports")


def model(training: "Training") -> Path:
    """Return the file of a trained model."""
    return Path("models", f"{training.name}.keras")


def evaluation(training: "Training") -> Path:
    """Return the file of a training's evaluation."""
    return EVALUATIONS / f"{training.name}.npz"


def metrics(training: "Training", reports: Path = REPORTS) -> Path:
    """Return a training's metrics.json."""
    return reports / training.name / "metrics.json"
