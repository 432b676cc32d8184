"""The summary of all models in Markdown, for a repository's page."""

from collections.abc import Mapping, Sequence

from pipeline.base import tables, templates
from pipeline.config.models import Model
from pipeline.config.schema import Params, Training
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Document, Section
from pipeline.evaluation.records import Evaluation, Evaluations

MODEL_PICTURES = {  # what `evaluate` draws of one model
    "augmentations": "augmented",
    "learning curves": "learning_curves",
    "accuracies": "accuracies",
    "confusion": "confusion_matrix",
    "a prediction": "prediction",
}
PICTURES = {"Learning curves": "curves", "Recall of each class": "recall", "Confusion matrices": "confusion"}


def as_markdown(
    params: Params, evaluations: Evaluations, sections: Sequence[Section], documents: Mapping[str, Document]
) -> str:
    """Write verdict, tables and pictures, with links to all else; `documents` are by path."""
    return templates.load("pipeline.evaluation", "summary.md.jinja").render(
        comparison.contents(params, evaluations),
        markdown=tables.as_markdown,
        confused=comparison.confused_table(evaluations),
        sections=sections,
        documents=documents,
        links={
            Training(model, seed).name: _links(params.models[model], evaluation)
            for model, seeds in evaluations.items()
            for seed, evaluation in seeds.items()
        },
        pictures=PICTURES,
    )


def _links(model: Model, evaluation: Evaluation) -> dict[str, str]:
    """Map captions to files, without the augmentations of a model that has none."""
    files = {
        caption: file for caption, file in MODEL_PICTURES.items() if model.train.augmentation or file != "augmented"
    }
    return files | {picture.name: picture.name for picture in evaluation.pictures}
