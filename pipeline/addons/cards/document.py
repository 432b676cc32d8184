"""A model card in Markdown (Mitchell et al. 2019): what a model is for, what it was made of, how good it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.base import tables, templates
from pipeline.config.section import leaves
from pipeline.evaluation import comparison, significance
from pipeline.evaluation.extending import Document, Report, ReportSection
from pipeline.evaluation.records import Evaluation


def write(report: Report, sections: Sequence[ReportSection]) -> dict[str, Document]:
    """Write the card of each model, by its path."""
    found = {}
    for model, seeds in report.evaluations.items():
        training = {key: str(value) for key, value in leaves(report.params.models[model].train.model_dump())}
        more = {section.title: section.by_model[model] for section in sections if model in section.by_model}
        text = as_markdown(model, report.dataset, training, seeds, more)
        found[f"cards/{model}.md"] = Document(f"Card of {model}", text)
    return found


def as_markdown(
    model: str,
    dataset: Mapping[str, Any],
    training: Mapping[str, str],
    evaluations: Mapping[int, Evaluation],
    sections: Mapping[str, str],
) -> str:
    """Write the card of one model from its evaluations by seed, one or more.

    `dataset` is what dataset.json holds: `name`, `class_names`, `image_shape`, and `counts` of images by split and
    class. `training` maps its params to values; `sections` are of add-ons, by title.
    """
    every = list(evaluations.values())
    counts = {split: sum(by_class.values()) for split, by_class in dataset["counts"].items()}
    classes, confused = _by_class(every), comparison.confused_pairs(every)
    return templates.load("pipeline.addons.cards", "card.md.jinja").render(
        model=model,
        inline=tables.inline,
        dataset=dataset,
        counts=counts,
        seeds=list(evaluations),
        first=every[0],
        accuracy=np.mean([evaluation.scores["test"]["accuracy"] for evaluation in every]),
        weakest=classes.loc[classes["recall"].where(classes["images"] > 0).idxmin()],
        sections=sections,
        confused=None if confused.empty else confused.iloc[0],
        tables={
            "data": _listed("split", "images", {split: f"{count:,}" for split, count in counts.items()}),
            "training": _listed("param", "value", training),
            "figures": tables.as_markdown(
                comparison.by_seed({seed: _figures(evaluation) for seed, evaluation in evaluations.items()})
            ),
            "classes": tables.as_markdown(classes),
            "machine": _listed("what", "value", every[0].machine),
        },
    )


def _by_class(every: list[Evaluation]) -> pd.DataFrame:
    """Tabulate each class's precision, recall and F1, the means over all seeds, and its number of test images."""
    means = pd.concat([evaluation.per_class for evaluation in every]).groupby(level=0).mean()
    means.insert(0, "class", every[0].class_names)
    return means.astype({"support": int}).rename(columns={"support": "images"})


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    scores = evaluation.scores["test"]
    low, high = significance.accuracy_interval(evaluation.right[None])
    return {
        "accuracy": scores["accuracy"],
        "95 % interval": f"{low:.4f} – {high:.4f}",
        "loss": scores["loss"],
        "macro F1": scores["macro_f1"],
        "top-2 accuracy": scores["top_2_accuracy"],
    }


def _listed(name: str, value: str, rows: Mapping[str, str]) -> str:
    return tables.as_markdown(pd.DataFrame({name: list(rows), value: list(rows.values())}))
