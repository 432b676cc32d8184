"""What add-ons add: an evaluator to an evaluation, a section to the report, a document beside it.

An add-on's `evaluator.py` has `evaluate(Subject) -> Findings`, its `section.py` has `section(Report) -> ReportSection`,
its `document.py` has `write(Report, sections) -> {path: Document}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.config.schema import Params
from pipeline.evaluation.records import Evaluations, Predictions

if TYPE_CHECKING:
    import keras  # for real it comes with the network, quietly


@dataclass(frozen=True)
class Subject:
    """A trained model, the test images, uint8 of (n, height, width, channels), and what it predicts of them."""

    params: Params
    model: "keras.Model"
    images: np.ndarray
    test: Predictions
    class_names: list[str]


class Drawn(NamedTuple):
    """A figure, and what it shows."""

    caption: str
    figure: Figure


@dataclass(frozen=True)
class Findings:
    """Metrics of the test split, which the gate can hold; tables for the report; figures. All by name."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Drawn] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What the report is made of: `images`, `labels` and, where known, `names` of files are by split.

    `data` and `reports` are the folders of these names; `dataset` is what dataset.json holds.
    """

    params: Params
    dataset: Mapping[str, object]
    evaluations: Evaluations
    images: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]
    names: Mapping[str, np.ndarray]
    data: Path
    reports: Path

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in the order of the labels."""
        return next(iter(next(iter(self.evaluations.values())).values())).class_names

    def with_files(self, table: pd.DataFrame, split: str = "test") -> pd.DataFrame:
        """Add a column `file` to a table that has a column `image`, where names of files are known."""
        if not self.names or "image" not in table:
            return table
        return table.assign(file=self.names[split][table["image"].to_numpy(int)])


@dataclass(frozen=True)
class ReportSection:
    """A part of the report: `text` is Markdown, `files` are tables (without `.csv`) and figures by path in reports/.

    `lists` are tables of test images for the page, by title; `pictures` names those of `files` that it shows, by
    caption; `by_model` is Markdown for each model's card.
    """

    title: str
    text: str
    files: Mapping[str, pd.DataFrame | Figure] = field(default_factory=dict)
    lists: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    by_model: Mapping[str, str] = field(default_factory=dict)


class Document(NamedTuple):
    """A file of the report: what it is, and its text."""

    title: str
    text: str
