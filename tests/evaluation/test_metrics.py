from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from pipeline.base.errors import InputError
from pipeline.evaluation import metrics, records
from pipeline.evaluation.records import Evaluation, Picture, Predictions

NAMES = ["a", "b", "c", "d"]


def example(seed: int, images: int = 60) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(4), images).astype(np.float32)
    return generator.integers(0, 4, images), probabilities


def evaluation(splits: dict[str, Predictions]) -> Evaluation:
    return Evaluation(NAMES, 5, 9, pd.DataFrame({"epoch": [1.0]}), splits)


@given(st.integers(0, 10_000))
def test_scores_agree_with_scikit_learn(seed: int) -> None:
    labels, probabilities = example(seed)
    predictions = probabilities.argmax(axis=1)
    report = sklearn_metrics.classification_report(
        labels, predictions, labels=range(4), target_names=NAMES, output_dict=True, zero_division=0
    )
    summary = evaluation({"test": Predictions(labels, probabilities)}).all_scores["test"]
    assert summary["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(labels, predictions), abs=1e-6)
    assert summary["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"], abs=1e-6)
    assert summary["macro_precision"] == pytest.approx(report["macro avg"]["precision"], abs=1e-6)
    for name in NAMES:
        assert summary["recall"][name] == pytest.approx(report[name]["recall"], abs=1e-6)
        assert summary["f1"][name] == pytest.approx(report[name]["f1-score"], abs=1e-6)


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_scores_together_are_those_of_scikit_learn_on_the_mean_of_the_probabilities(seed: int, networks: int) -> None:
    labels, _ = example(seed)
    answers = [example(seed + number)[1] for number in range(networks)]
    ensemble = records.together([evaluation({"test": Predictions(labels, one)}) for one in answers]).scores
    mean = np.sum(answers, axis=0, dtype=float) / networks
    assert (ensemble["test"]["accuracy"], ensemble["test"]["loss"]) == pytest.approx(
        (
            sklearn_metrics.accuracy_score(labels, mean.argmax(axis=1)),
            sklearn_metrics.log_loss(labels, mean / mean.sum(axis=1, keepdims=True), labels=range(4)),
        ),
        abs=2e-6,
    )
    assert (ensemble["parameters"], ensemble["model_bytes"]) == (5 * networks, 9 * networks)


def test_scores_have_what_splits_there_are() -> None:
    labels, probabilities = example(0)
    splits = dict.fromkeys(("train", "validation", "test"), Predictions(labels, probabilities))
    scores = evaluation(splits).scores
    assert list(scores) == ["train", "validation", "test", "parameters", "model_bytes"]
    assert scores["validation"] == scores["train"] == metrics.headline(labels, probabilities)
    del splits["validation"]
    assert list(evaluation(splits).scores) == ["train", "test", "parameters", "model_bytes"]


def test_scores_are_of_all_classes_together_and_all_scores_of_each_class_too() -> None:
    made = evaluation({"test": Predictions(*example(0))})
    assert not any(isinstance(value, dict) for value in made.scores["test"].values())
    by_class = {name: value for name, value in made.all_scores["test"].items() if name not in made.scores["test"]}
    assert {name: list(values) for name, values in by_class.items()} == dict.fromkeys(
        ("precision", "recall", "f1"), NAMES
    )


@pytest.mark.parametrize("name", ["cats & dogs", "C++", "it's", "कुत्ता", "etc.", "a..b", "x" * 240])
def test_class_whose_name_mlflow_refuses_is_numbered(name: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import _validate_metric

    with pytest.raises(MlflowException):
        _validate_metric(f"test/precision/{name.replace('.', '/')}", 0.5, 0, 0)  # as a journal writes it
    scores = metrics.loggable({"test": {"accuracy": 0.5, "recall": {"T-shirt/top": 0.1, name: 0.2, "犬 1.5": 0.3}}})
    assert scores == {"test": {"accuracy": 0.5, "recall": {"T-shirt/top": 0.1, "class 1": 0.2, "犬 1.5": 0.3}}}


@given(st.text(max_size=30))
def test_what_counts_as_loggable_mlflow_takes(name: str) -> None:
    from mlflow.utils.validation import _validate_metric

    (kept,) = metrics.loggable({"test": {"recall": {name: 1.0}}})["test"]["recall"]
    _validate_metric(f"test/recall/{kept.replace('.', '/')}", 1.0, 0, 0)


def test_loss_is_the_mean_negative_logarithm_of_the_true_class() -> None:
    labels, probabilities = example(0)
    expected = -np.log(probabilities[np.arange(60), labels]).mean()
    assert metrics.headline(labels, probabilities)["loss"] == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 1000))
def test_top_2_agrees_with_scikit_learn(seed: int) -> None:
    labels, probabilities = example(seed)
    expected = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=2, labels=range(4))
    assert metrics.top_2_accuracy(labels, probabilities) == pytest.approx(expected, abs=1e-6)


def test_impossible_true_class_gives_a_finite_loss() -> None:
    assert metrics.headline(np.array([1]), np.eye(4, dtype=np.float32)[[0]])["loss"] == pytest.approx(36.04, abs=0.01)


def test_top_2_counts_the_second_guess() -> None:
    probabilities = np.array([[0.5, 0.3, 0.1, 0.1], [0.5, 0.3, 0.1, 0.1]], np.float32)
    assert metrics.top_2_accuracy(np.array([1, 2]), probabilities) == 0.5


def test_class_that_never_occurs_has_recall_0_and_no_warning() -> None:
    labels, probabilities = np.array([0, 0]), np.eye(4, dtype=np.float32)[[0, 1]]
    assert metrics.per_class(labels, probabilities)["recall"].tolist() == [0.5, 0.0, 0.0, 0.0]


@given(st.integers(0, 10_000))
def test_confusion_rows_sum_to_the_class_counts(seed: int) -> None:
    labels, probabilities = example(seed)
    counts = metrics.confusion(labels, probabilities)
    assert counts.sum(axis=1).tolist() == np.bincount(labels, minlength=4).tolist()
    assert np.trace(counts) == np.sum(labels == probabilities.argmax(axis=1))
    np.testing.assert_allclose(metrics.row_normalised(counts).sum(axis=1)[counts.sum(axis=1) > 0], 1)


def test_row_of_a_class_without_images_stays_zero() -> None:
    assert metrics.row_normalised(np.array([[0, 0], [1, 3]])).tolist() == [[0, 0], [0.25, 0.75]]


def test_confusion_keeps_the_rows_of_classes_that_do_not_occur_and_normalises_one_image() -> None:
    counts = metrics.confusion(np.array([0, 0, 1]), np.eye(3, dtype=np.float32)[[0, 1, 1]])
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert metrics.row_normalised(counts).tolist() == [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def test_an_evaluation_comes_back_from_its_arrays_as_it_was() -> None:
    one = evaluation({split: Predictions(*example(number)) for number, split in enumerate(records.SPLITS)})
    tables = {"maps/a": pd.DataFrame({"image": [3, 1], "x": [0.1, 1e-7], "name": ["犬", "b"]})}
    pictures = [Picture("filters", "what it looks for", "0" * 32)]
    made = replace(one, metrics={"robust_accuracy": 0.1 + 0.2}, tables=tables, pictures=pictures, machine={"a": "b"})
    back = records.from_arrays(records.to_arrays(made))
    assert (back.metrics, back.pictures, back.machine) == (made.metrics, made.pictures, made.machine)
    pd.testing.assert_frame_equal(back.tables["maps/a"], tables["maps/a"])
    pd.testing.assert_frame_equal(back.history, made.history)
    assert back.all_scores == made.all_scores


def test_an_evaluation_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match="of another version of this code: `dvc repro` makes it anew"):
        records.from_arrays({"class_names": np.array(NAMES)})
