"""The summary of all models in Markdown, for a repository's page."""

from collections.abc import Mapping, Sequence

from pipeline.base import tables, templates
from pipeline.config.schema import Params
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Document, ReportSection
from pipeline.evaluation.records import Evaluations

MODEL_PICTURES = {  # what `evaluate` draws of one model
    "augmentations": "augmented",
    "learning curves": "learning_curves",
    "confusion": "confusion_matrix",
}
PICTURES = {"Learning curves": "curves", "Confusion matrices": "confusion"}


def as_markdown(
    params: Params, evaluations: Evaluations, sections: Sequence[ReportSection], documents: Mapping[str, Document]
) -> str:
    """Write verdict, tables and pictures, with links to all else; `documents` are by path."""
    return templates.load("pipeline.evaluation", "summary.md.jinja").render(
        comparison.contents(params, evaluations),
        markdown=tables.as_markdown,
        confused=comparison.confused_table(evaluations),
        sections=sections,
        documents=documents,
        links={
            name: MODEL_PICTURES | {picture.name: picture.name for picture in evaluation.pictures}
            for name, evaluation in comparison.by_training(evaluations).items()
        },
        pictures=PICTURES,
    )
