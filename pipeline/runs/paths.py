"""Where the stages put what commands look at. dvc.yaml says so; a test holds these to it."""

from pathlib import Path

from pipeline.config.schema import Training

DATASET = Path("data/prepared/dataset.json")
TEST = Path("data/prepared/test.npz")
EVALUATIONS = Path("data/evaluations")
REPORTS = Path("reports")


def model(training: Training) -> Path:
    """Return the file of a trained model."""
    return Path("models", f"{training.name}.keras")


def exported(training: Training) -> Path:
    """Return the file of a trained model for LiteRT, where `export` has written it."""
    return Path("models/exported", training.name, "litert", "model.tflite")


def anything_trained() -> bool:
    """Tell whether a trained model is on disk: a fresh clone has a dvc.lock, but none."""
    return any(Path("models").glob("*.keras"))


def evaluation(training: Training) -> Path:
    """Return the file of a training's evaluation."""
    return EVALUATIONS / f"{training.name}.npz"


def card(model: str) -> Path:
    """Return a model's card."""
    return REPORTS / "cards" / f"{model}.md"


def metrics(training: Training, reports: Path = REPORTS) -> Path:
    """Return a training's metrics.json."""
    return reports / training.name / "metrics.json"
