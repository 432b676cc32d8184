import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.mistakes import ranking as mistakes
from pipeline.evaluation import metrics
from tests import adversarial

NAMES = ["bag", "coat", "shoe"]


def arrays(labels: list[int], rows: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(labels), np.array(rows, np.float32)


def rows(table: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(row) for row in table.itertuples(index=False)]


def random_example(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make labels and probabilities in eighths, so that many are equal."""
    random = np.random.default_rng(seed)
    probabilities = random.multinomial(8, np.full(3, 1 / 3), 40) / 8
    return random.integers(0, 3, 40), probabilities.astype(np.float32)


def test_confused_pairs_begin_with_the_most_images() -> None:
    counts = np.array([[90, 10, 0], [3, 4, 3], [0, 20, 180]])
    assert rows(metrics.confused_pairs(counts, NAMES)) == [
        ("shoe", "coat", 20, 0.1),
        ("bag", "coat", 10, 0.1),
        ("coat", "bag", 3, 0.3),
        ("coat", "shoe", 3, 0.3),
    ]


def test_confident_mistakes_begin_with_the_greatest_confidence() -> None:
    labels, probabilities = arrays([0, 0, 1, 2], [[0.9, 0.1, 0], [0.25, 0.75, 0], [0, 0, 1], [0.75, 0, 0.25]])
    assert rows(mistakes.most_confident(labels, probabilities, NAMES)) == [
        (2, "coat", "shoe", 1.0),
        (1, "bag", "coat", 0.75),
        (3, "shoe", "bag", 0.75),
    ]


def test_least_certain_images_begin_with_the_smallest_margin() -> None:
    labels, probabilities = arrays([0, 1, 2], [[1, 0, 0], [0.25, 0.25, 0.5], [0.25, 0.375, 0.375]])
    assert rows(mistakes.least_certain(labels, probabilities, NAMES)) == [
        (2, "shoe", "coat", "shoe", 0.0),
        (1, "coat", "shoe", "bag", 0.25),
        (0, "bag", "bag", "coat", 1.0),
    ]


def test_never_right_are_the_images_that_no_training_gets_right() -> None:
    labels = np.array([0, 0, 0, 1])
    first = np.array([[0.25, 0.75, 0], [0.75, 0.25, 0], [0, 0, 1], [0, 0, 1]])
    second = np.array([[0, 0.5, 0.5], [0.25, 0.75, 0], [0, 1, 0], [0, 1, 0]])
    third = np.array([[0.125, 0, 0.875], [0.25, 0.75, 0], [0, 1, 0], [1, 0, 0]])
    assert rows(mistakes.never_right(labels, [first, second, third], NAMES)) == [
        (2, "bag", "coat", 2, 0.0),
        (0, "bag", "coat", 2, 0.125),
    ]


@given(st.integers(0, 10_000))
def test_confused_pairs_are_the_matrix_beside_its_diagonal(seed: int) -> None:
    labels, probabilities = random_example(seed)
    counts = metrics.confusion(labels, probabilities)
    table = metrics.confused_pairs(counts, NAMES)
    wrong = pd.Series(NAMES)[labels].reset_index(drop=True), pd.Series(NAMES)[probabilities.argmax(axis=1)]
    expected = pd.crosstab(wrong[0].rename("true"), wrong[1].reset_index(drop=True).rename("predicted")).stack()
    found = table.set_index(["true", "predicted"])["images"]
    assert found.to_dict() == {pair: n for pair, n in expected.items() if n and pair[0] != pair[1]}
    assert found.is_monotonic_decreasing
    np.testing.assert_allclose(table["share"], [n / np.sum(wrong[0] == true) for (true, _), n in found.items()])


@given(st.integers(0, 10_000))
def test_lists_agree_with_loops_and_ties_go_by_number(seed: int) -> None:
    labels, probabilities = random_example(seed)
    margins = [(sorted(row)[-1] - sorted(row)[-2], i) for i, row in enumerate(probabilities)]
    surest = [(-row.max(), i) for i, row in enumerate(probabilities) if row.argmax() != labels[i]]
    _, others = random_example(seed + 1)
    both = [(row[labels[i]] + others[i][labels[i]], i) for i, row in enumerate(probabilities)]
    wrong = (probabilities.argmax(axis=1) != labels) & (others.argmax(axis=1) != labels)
    for table, expected in (
        (mistakes.least_certain(labels, probabilities, NAMES), margins),
        (mistakes.most_confident(labels, probabilities, NAMES), surest),
        (mistakes.never_right(labels, [probabilities, others], NAMES), [pair for pair in both if wrong[pair[1]]]),
    ):
        assert table["image"].tolist() == [i for _, i in sorted(expected)]


@pytest.mark.parametrize("name", adversarial.CASES)
def test_adversarial_input_has_as_many_rows_as_there_are_mistakes(name: str) -> None:
    labels, probabilities = adversarial.arrays(name)
    wrong = int(np.sum(labels != probabilities.argmax(axis=1)))
    assert metrics.confused_pairs(metrics.confusion(labels, probabilities), NAMES)["images"].sum() == wrong
    assert len(mistakes.most_confident(labels, probabilities, NAMES)) == wrong
    assert len(mistakes.least_certain(labels, probabilities, NAMES)) == len(labels)
    assert len(mistakes.never_right(labels, [probabilities] * 2, NAMES)) == wrong


def test_tables_have_the_columns_that_galleries_and_the_page_read() -> None:
    labels, probabilities = np.array([0, 1]), np.array([[0.2, 0.8], [0.4, 0.6]])
    names = ["a", "b"]
    columns = ["image", "label", "prediction", "probability"]
    assert list(mistakes.most_confident(labels, probabilities, names)) == columns
    columns = ["image", "label", "prediction", "second", "margin"]
    assert list(mistakes.least_certain(labels, probabilities, names)) == columns
    columns = ["image", "label", "prediction", "votes", "probability"]
    assert list(mistakes.never_right(labels, [probabilities], names)) == columns
