"""The summary of all models in Markdown, for a repository's page."""

from collections.abc import Mapping

from pipeline.base import tables, templates
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


def as_markdown(dataset: str, evaluations: Evaluations, pictures: Mapping[str, str]) -> str:
    """Write verdict, tables and pictures, with links to all else; `pictures` maps captions to addresses."""
    models, several = comparison.models_table(evaluations), len(evaluations) > 1
    return templates.load("pipeline.evaluation", "summary.md.jinja").render(
        dataset=dataset,
        verdict=comparison.verdict(evaluations),
        note=comparison.note(evaluations),
        caveat=comparison.caveat(evaluations),
        models=tables.as_markdown(models),
        differences=tables.as_markdown(comparison.differences_table(evaluations)) if several else None,
        trust=tables.as_markdown(comparison.trust_table(evaluations)),
        confused=tables.as_markdown(comparison.confused_table(evaluations)),
        cards=list(evaluations),
        trainings=list(comparison.by_training(evaluations)),
        splits=[split for split in ("test", "validation") if split in _splits(evaluations)],
        robust="spoilt" in models,
        links=MODEL_PICTURES,
        pictures=pictures,
    )


def _splits(evaluations: Evaluations) -> set[str]:
    return {split for evaluation in comparison.by_training(evaluations).values() for split in evaluation.splits}
