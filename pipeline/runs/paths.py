"""Where the stages put what commands look at. dvc.yaml says so; a test holds these to it."""

from pathlib import Path

DATASET = Path("data/prepared/dataset.json")
TEST = Path("data/prepared/test.npz")
EVALUATIONS = Path("data/evaluations")
REPORTS = Path("reports")


def model(name: str) -> Path:
    """Return a trained model's file."""
    return Path("models", f"{name}.keras")


def evaluation(name: str) -> Path:
    """Return a model's evaluation."""
    return EVALUATIONS / f"{name}.npz"


def metrics(name: str, reports: Path = REPORTS) -> Path:
    """Return a model's metrics.json."""
    return reports / name / "metrics.json"
