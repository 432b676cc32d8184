"""One model's evaluation: what it makes of each split's images, and what follows from that."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.base.errors import InputError
from pipeline.evaluation import metrics

SPLITS = ("train", "validation", "test")
TRAIN_IMAGES = 10_000  # that are scored of the training part, at most, evenly spread


@dataclass(frozen=True)
class Predictions:
    """Labels of a split's images, integers of (n,), and a model's probabilities for these, float32 of (n, classes)."""

    labels: np.ndarray
    probabilities: np.ndarray


class Picture(NamedTuple):
    """A picture in a training's folder of reports/: `name` is its file's, without `.png`.

    Its MD5 makes what an evaluation holds another wherever the picture is another: the report shows it.
    """

    name: str
    caption: str
    md5: str


@dataclass(frozen=True)
class Evaluation:
    """A trained model's predictions by split (without a validation part, there are none of it), and its history.

    Those of `train` are of `TRAIN_IMAGES` at most. `metrics` and `tables` are what add-ons found, by name, `pictures`
    what they drew, `machine` on what it was evaluated.
    """

    class_names: list[str]
    parameters: int
    model_bytes: int
    history: pd.DataFrame
    splits: Mapping[str, Predictions]
    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    machine: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def test(self) -> Predictions:
        """The predictions of the test split."""
        return self.splits["test"]

    @cached_property
    def right(self) -> np.ndarray:
        """Which test images the model gets right, bool of (n,)."""
        return np.asarray(self.test.labels == self.test.probabilities.argmax(axis=1))

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts of test images by true class (rows) and predicted class (columns)."""
        return metrics.confusion(self.test.labels, self.test.probabilities)

    @cached_property
    def per_class(self) -> pd.DataFrame:
        """Precision, recall, F1 and support on the test split, a row a class."""
        return metrics.per_class(self.test.labels, self.test.probabilities)

    @cached_property
    def scores(self) -> dict[str, Any]:
        """What metrics.json holds: accuracy and loss by split, of test the means over classes, parameters, bytes."""
        by_split = {name: metrics.headline(part.labels, part.probabilities) for name, part in self.splits.items()}
        by_split["test"] |= {
            "top_2_accuracy": metrics.top_2_accuracy(self.test.labels, self.test.probabilities),
            **{f"macro_{name}": value for name, value in self._by_class.mean().round(metrics.DECIMALS).items()},
            **{name: round(value, metrics.DECIMALS) for name, value in self.metrics.items()},
        }
        return {**by_split, "parameters": self.parameters, "model_bytes": self.model_bytes}

    @cached_property
    def all_scores(self) -> dict[str, Any]:
        """`scores`, and under `test` the precision, recall and F1 of each class, as the gate has them."""
        by_class = self._by_class.set_axis(self.class_names).round(metrics.DECIMALS)
        return self.scores | {"test": self.scores["test"] | by_class.to_dict()}

    @property
    def _by_class(self) -> pd.DataFrame:
        return self.per_class[metrics.BY_CLASS]


Evaluations = Mapping[str, Mapping[int, Evaluation]]  # by model and seed


def together(every: Sequence[Evaluation]) -> Evaluation:
    """Average the probabilities that several networks give the same images: an ensemble (Hansen & Salamon 1990).

    Networks that differ by their seed alone are a deep ensemble (Lakshminarayanan et al. 2017). Parameters and bytes
    are those of all of them; history and whatever else is no mean of probabilities is left out.
    """
    splits = {
        split: Predictions(part.labels, np.mean([one.splits[split].probabilities for one in every], axis=0))
        for split, part in every[0].splits.items()
    }
    return Evaluation(
        class_names=every[0].class_names,
        parameters=sum(one.parameters for one in every),
        model_bytes=sum(one.model_bytes for one in every),
        history=pd.DataFrame(),
        splits=splits,
    )


def to_arrays(evaluation: Evaluation) -> dict[str, np.ndarray]:
    """Return an evaluation as named arrays, for an .npz: labels, probabilities, and `about`, JSON of all else."""
    about = {
        "class_names": evaluation.class_names,
        "parameters": evaluation.parameters,
        "model_bytes": evaluation.model_bytes,
        "history": evaluation.history.to_dict("list"),
        "metrics": evaluation.metrics,
        "tables": {name: table.to_dict("list") for name, table in evaluation.tables.items()},
        "pictures": evaluation.pictures,
        "machine": evaluation.machine,
    }
    arrays = {"about": np.array(json.dumps(about))}
    for split, predictions in evaluation.splits.items():
        arrays |= {f"{split}_labels": predictions.labels, f"{split}_probabilities": predictions.probabilities}
    return arrays


def from_arrays(arrays: Mapping[str, np.ndarray]) -> Evaluation:
    """Return the evaluation that `to_arrays` made arrays of; raise `InputError` for one of another version."""
    if "about" not in arrays:
        raise InputError("data/evaluations is of another version of this code: `dvc repro` makes it anew")
    about = json.loads(arrays["about"].item())
    return Evaluation(
        class_names=about["class_names"],
        parameters=about["parameters"],
        model_bytes=about["model_bytes"],
        history=pd.DataFrame(about["history"]),
        splits={
            split: Predictions(arrays[f"{split}_labels"], arrays[f"{split}_probabilities"])
            for split in SPLITS
            if f"{split}_labels" in arrays
        },
        metrics=about["metrics"],
        tables={name: pd.DataFrame(table) for name, table in about["tables"].items()},
        pictures=[Picture(*picture) for picture in about["pictures"]],
        machine=about["machine"],
    )


def predictions_table(evaluation: Evaluation) -> pd.DataFrame:
    """Tabulate each test image's label and prediction by name, and every class's probability, to six decimals."""
    names, test = np.array(evaluation.class_names), evaluation.test
    by_class = {f"p({name})": test.probabilities[:, index].astype(float) for index, name in enumerate(names)}
    named = {"label": names[test.labels], "prediction": names[test.probabilities.argmax(axis=1)]}
    return pd.DataFrame(named | by_class).round(metrics.DECIMALS)


def per_class_table(evaluation: Evaluation) -> pd.DataFrame:
    """Tabulate the figures of each class, by its name, to six decimals."""
    table = evaluation.per_class.round(metrics.DECIMALS)
    table.insert(0, "class", evaluation.class_names)
    return table
