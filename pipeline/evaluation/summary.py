"""The summary of all models in Markdown, for a repository's page."""

from collections.abc import Mapping

from pipeline.base import tables, templates
from pipeline.config.schema import Params, Training
from pipeline.evaluation import comparison, lists, settings
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


def as_markdown(params: Params, evaluations: Evaluations, pictures: Mapping[str, str]) -> str:
    """Write verdict, tables and pictures, with links to all else; `pictures` maps captions to addresses."""
    models, several = comparison.models_table(evaluations), len(evaluations) > 1
    return templates.load("pipeline.evaluation", "summary.md.jinja").render(
        dataset=params.fetch.dataset_name,
        verdict=comparison.verdict(evaluations),
        note=comparison.note(evaluations),
        caveat=comparison.caveat(evaluations),
        models=tables.as_markdown(models),
        settings=tables.as_markdown(settings.table(params)),
        differences=tables.as_markdown(comparison.differences_table(evaluations)) if several else None,
        trust=tables.as_markdown(comparison.trust_table(evaluations)),
        confused=tables.as_markdown(comparison.confused_table(evaluations)),
        cards=list(evaluations),
        links={training.name: _links(params, training) for training in params.trainings},
        splits=_splits(params, evaluations),
        robust="spoilt" in models,
        pictures=pictures,
    )


def _links(params: Params, training: Training) -> dict[str, str]:
    """Map captions to files, without the augmentations of a model that has none."""
    augmented = params.models[training.model].train.augmentation
    return {caption: file for caption, file in MODEL_PICTURES.items() if augmented or file != "augmented"}


def _splits(params: Params, evaluations: Evaluations) -> list[str]:
    """List the splits that there are label errors of."""
    every = comparison.by_training(evaluations).values()
    found = [split for split in lists.OUT_OF_SAMPLE if any(split in evaluation.splits for evaluation in every)]
    return [*found, *(["train"] if params.cross_validated else [])]
