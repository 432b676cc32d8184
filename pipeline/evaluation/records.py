"""One model's evaluation: what it makes of each split's images, and what follows from that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.evaluation import metrics

SPLITS = ("train", "validation", "test")
TRAIN_IMAGES = 10_000  # of the training part, at most, evenly spread; of the other splits, all
HISTORY, METRIC, TABLE = "history_", "metric_", "table/"  # what the names of arrays begin with


@dataclass(frozen=True)
class Predictions:
    """Labels of a split's images, integers of (n,), and a model's probabilities for these, float32 of (n, classes)."""

    labels: np.ndarray
    probabilities: np.ndarray


class Picture(NamedTuple):
    """A picture in a training's folder of reports/: `name` is its file's, without `.png`."""

    name: str
    caption: str
    md5: str


@dataclass(frozen=True)
class Evaluation:
    """A trained model's predictions by split (without a validation part, there are none of it), and its history.

    Those of `train` are of `TRAIN_IMAGES` at most.
    `mirrored` holds the means over each test image and its mirror image, (n, classes), of a model trained on both;
    `metrics` and `tables` what add-ons found, by name, `pictures` which pictures they drew: name, caption and MD5;
    `machine` on what it was evaluated.
    """

    class_names: list[str]
    parameters: int
    model_bytes: int
    history: pd.DataFrame
    splits: Mapping[str, Predictions]
    mirrored: np.ndarray | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    machine: dict[str, str] = field(default_factory=dict)

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
        headlines = {name: metrics.headline(part.labels, part.probabilities) for name, part in self.splits.items()}
        test: dict[str, Any] = headlines.pop("test")
        test["top_2_accuracy"] = metrics.top_2_accuracy(self.test.labels, self.test.probabilities)
        test |= metrics.macro_averages(self.per_class)
        if self.mirrored is not None:
            mirrored = metrics.headline(self.test.labels, self.mirrored)
            test |= {f"mirrored_{name}": value for name, value in mirrored.items()}
        test |= {name: round(value, metrics.DECIMALS) for name, value in self.metrics.items()}
        return {**headlines, "test": test, "parameters": self.parameters, "model_bytes": self.model_bytes}

    @cached_property
    def all_scores(self) -> dict[str, Any]:
        """`scores`, and under `test` the precision, recall and F1 of each class, as MLflow and the gate have them."""
        by_class = metrics.by_class(self.per_class, self.class_names)
        return self.scores | {"test": self.scores["test"] | by_class}


Evaluations = Mapping[str, Mapping[int, Evaluation]]  # by model and seed


def together(every: Sequence[Evaluation]) -> Evaluation:
    """Average the probabilities that several networks give the same images: an ensemble (Hansen & Salamon 1990).

    Networks that differ by their seed alone are a deep ensemble (Lakshminarayanan et al. 2017). Parameters and bytes
    are those of all of them; history and whatever else is no mean of probabilities is left out.
    """
    first = every[0]
    splits = {
        split: Predictions(part.labels, np.mean([one.splits[split].probabilities for one in every], axis=0))
        for split, part in first.splits.items()
    }
    mirrored = [one.mirrored for one in every if one.mirrored is not None]
    return Evaluation(
        class_names=first.class_names,
        parameters=sum(one.parameters for one in every),
        model_bytes=sum(one.model_bytes for one in every),
        history=pd.DataFrame(),
        splits=splits,
        mirrored=np.mean(mirrored, axis=0) if mirrored else None,
    )


def together_scores(every: Sequence[Evaluation]) -> dict[str, float]:
    """Return the test accuracy and loss of several networks together, and the mirrored accuracy where there is one."""
    test = together(every).scores["test"]
    return {name: test[name] for name in ("accuracy", "loss", "mirrored_accuracy") if name in test}


def to_arrays(evaluation: Evaluation) -> dict[str, np.ndarray]:
    """Return an evaluation as named arrays, for an .npz."""
    arrays = {
        "class_names": np.array(evaluation.class_names),
        "parameters": np.array(evaluation.parameters),
        "model_bytes": np.array(evaluation.model_bytes),
        "machine": np.array(list(evaluation.machine.items()), str).reshape(-1, 2),
        "pictures": np.array(evaluation.pictures, str).reshape(-1, 3),
    }
    arrays |= {f"{HISTORY}{name}": evaluation.history[name].to_numpy() for name in evaluation.history}
    for split, predictions in evaluation.splits.items():
        arrays |= {f"{split}_labels": predictions.labels, f"{split}_probabilities": predictions.probabilities}
    if evaluation.mirrored is not None:
        arrays["test_mirrored_probabilities"] = evaluation.mirrored
    arrays |= {f"{METRIC}{name}": np.array(value) for name, value in evaluation.metrics.items()}
    for name, table in evaluation.tables.items():
        arrays |= {f"{TABLE}{name}/{column}": np.array(values.tolist()) for column, values in table.items()}
    return arrays


def from_arrays(arrays: Mapping[str, np.ndarray]) -> Evaluation:
    """Return the evaluation that `to_arrays` made arrays of."""
    tables: dict[str, dict[str, np.ndarray]] = {}
    for path, values in _named(arrays, TABLE).items():
        name, _, column = path.partition("/")
        tables.setdefault(name, {})[column] = values
    splits = {
        split: Predictions(arrays[f"{split}_labels"], arrays[f"{split}_probabilities"])
        for split in SPLITS
        if f"{split}_labels" in arrays
    }
    return Evaluation(
        class_names=arrays["class_names"].tolist(),
        parameters=int(arrays["parameters"]),
        model_bytes=int(arrays["model_bytes"]),
        history=pd.DataFrame(_named(arrays, HISTORY)),
        splits=splits,
        mirrored=arrays.get("test_mirrored_probabilities"),
        metrics={name: float(value) for name, value in _named(arrays, METRIC).items()},
        tables={name: pd.DataFrame(columns) for name, columns in tables.items()},
        pictures=[Picture(*row) for row in arrays["pictures"].tolist()],
        machine=dict(arrays["machine"].tolist()),
    )


def _named(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


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


def confusion_table(evaluation: Evaluation) -> pd.DataFrame:
    """Tabulate the confusion matrix, a row a cell: both classes by name, images, and their share of the true class."""
    names, counts = np.array(evaluation.class_names), evaluation.confusion
    true, predicted = (names[indices.ravel()] for indices in np.indices(counts.shape))
    shares = metrics.row_normalised(counts).ravel().round(metrics.DECIMALS)
    return pd.DataFrame({"true": true, "predicted": predicted, "images": counts.ravel(), "share": shares})
