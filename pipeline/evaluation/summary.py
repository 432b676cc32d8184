"""The summary of all models in Markdown, for a repository's page."""

from collections.abc import Collection

from pipeline.base import tables, templates
from pipeline.config.schema import Params, Training
from pipeline.evaluation import comparison
from pipeline.evaluation.comparison import Evaluations

MODEL_PICTURES = {  # what `evaluate` draws of one model
    "network": "network",
    "augmentations": "augmented",
    "learning curves": "learning_curves",
    "accuracies": "accuracies",
    "confusion": "confusion_matrix",
    "a prediction": "prediction",
    "mistakes": "mistakes",
    "filters": "filters",
    "features": "features",
    "Grad-CAM": "gradcam",
}
PICTURES = {"Learning curves": "curves", "Recall of each class": "recall", "Confusion matrices": "confusion"}


def as_markdown(params: Params, evaluations: Evaluations, splits: Collection[str]) -> str:
    """Write verdict, tables and pictures, with links to all else; label errors are listed of `splits`."""
    return templates.load("pipeline.evaluation", "summary.md.jinja").render(
        comparison.told(params, evaluations),
        markdown=tables.as_markdown,
        confused=comparison.confused_table(evaluations),
        cards=list(evaluations),
        links={training.name: _links(params, training) for training in params.trainings},
        splits=splits,
        pictures=PICTURES,
    )


def _links(params: Params, training: Training) -> dict[str, str]:
    """Map captions to files, without the augmentations of a model that has none."""
    augmented = params.models[training.model].train.augmentation
    return {caption: file for caption, file in MODEL_PICTURES.items() if augmented or file != "augmented"}
