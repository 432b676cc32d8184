import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from statsmodels.stats.weightstats import DescrStatsW

from pipeline.addons.calibration import evaluator as calibration
from tests.adversarial import CASES, arrays


def example(seed: int, images: int = 400, sharper: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels by probabilities, which are then made sharper: with 1 they are right about themselves."""
    random = np.random.default_rng(seed)
    true = random.dirichlet(np.full(4, 0.4), images)
    labels = (true.cumsum(axis=1) < random.random((images, 1))).sum(axis=1)
    claimed = (true + 1e-9) ** sharper
    return labels, (claimed / claimed.sum(axis=1, keepdims=True)).astype(np.float32)


def by_loops(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Compute the expected calibration error as Guo et al. write it: bins ((m - 1) / M, m / M]."""
    total = 0.0
    for low, high in zip(np.linspace(0, 1, 16)[:-1], np.linspace(0, 1, 16)[1:], strict=True):
        inside = [i for i, row in enumerate(probabilities) if low < float(row.max()) <= high]
        accuracy = sum(probabilities[i].argmax() == labels[i] for i in inside)
        total += abs(accuracy - sum(float(probabilities[i].max()) for i in inside))
    return total / len(labels)


@given(st.integers(0, 10_000), st.floats(0.5, 3))
def test_reliability_agrees_with_scikit_learn(seed: int, sharper: float) -> None:
    labels, probabilities = example(seed, 100, sharper)
    table = calibration.reliability(labels, probabilities)
    filled = table[table["images"] > 0]
    right, confidence = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1).astype(float)
    accuracies, confidences = calibration_curve(right, confidence, n_bins=15)
    np.testing.assert_allclose(filled["accuracy"], accuracies)
    np.testing.assert_allclose(filled["confidence"], confidences)
    assert ((filled["low"] < filled["confidence"]) & (filled["confidence"] <= filled["high"])).all()


@given(st.integers(0, 10_000), st.floats(0.5, 3))
def test_error_agrees_with_loops_and_with_the_table(seed: int, sharper: float) -> None:
    labels, probabilities = example(seed, 100, sharper)
    found = calibration.expected_error(labels, probabilities)
    assert found == pytest.approx(by_loops(labels, probabilities))
    table = calibration.reliability(labels, probabilities).dropna()
    gaps = DescrStatsW((table["accuracy"] - table["confidence"]).abs(), weights=table["images"])
    assert found == pytest.approx(gaps.mean)


@pytest.mark.parametrize("name", CASES)
def test_adversarial_input_agrees_with_loops(name: str) -> None:
    labels, probabilities = arrays(name)
    table = calibration.reliability(labels, probabilities)
    assert len(table) == 15
    assert table["images"].sum() == len(labels)
    assert table["accuracy"].isna().tolist() == (table["images"] == 0).tolist()
    found = calibration.expected_error(labels, probabilities)
    assert found == pytest.approx(by_loops(labels, probabilities))


def test_a_bin_holds_its_upper_end_and_not_its_lower() -> None:
    ends = np.linspace(0, 1, 16)[8:]
    table = calibration.reliability(np.zeros(8, int), np.stack([ends, 1 - ends], axis=1))
    assert table["images"].tolist() == [0] * 7 + [1] * 8
    assert table["confidence"].tolist()[7:] == table["high"].tolist()[7:]


def test_sure_and_right_is_no_error_and_sure_and_wrong_is_all() -> None:
    eye = np.eye(3, dtype=np.float32)
    assert calibration.expected_error(np.arange(3), eye) == 0
    assert calibration.expected_error(np.arange(3), eye[[1, 2, 0]]) == 1


def test_coverage_is_the_accuracy_of_the_most_certain() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75], [0.125, 0.875], [0, 1]])
    table = calibration.coverage(labels, probabilities)
    assert table["coverage"].tolist() == [0.25, 0.5, 0.75, 1]
    assert table["images"].tolist() == [1, 2, 3, 4]
    assert table["confidence"].tolist() == [1, 0.875, 0.75, 0.5]
    assert table["accuracy"].tolist() == [1, 1, 2 / 3, 3 / 4]


def test_equally_certain_images_are_equally_right_in_any_order() -> None:
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([[1.0, 0]] * 4)
    for order in ([0, 1, 2, 3], [1, 3, 0, 2]):
        assert calibration.coverage(labels[order], probabilities)["accuracy"].tolist() == [0.5] * 4


@given(st.integers(0, 10_000), st.integers(1, 350))
def test_coverage_agrees_with_loops(seed: int, images: int) -> None:
    labels, probabilities = example(seed, images)
    table = calibration.coverage(labels, probabilities)
    right = probabilities.argmax(axis=1) == labels
    order = sorted(range(images), key=lambda i: -probabilities[i].max())
    assert len(table) == min(100, images)
    assert table["images"].iloc[-1] == images
    assert table["images"].is_unique
    assert table["accuracy"].tolist() == pytest.approx([np.mean(right[order[:count]]) for count in table["images"]])


@pytest.mark.parametrize("name", CASES)
def test_coverage_of_adversarial_input_ends_at_the_accuracy(name: str) -> None:
    labels, probabilities = arrays(name)
    table = calibration.coverage(labels, probabilities)
    assert len(table) == len(labels)
    assert table["accuracy"].iloc[-1] == pytest.approx(np.mean(probabilities.argmax(axis=1) == labels))
    assert not table.isna().any(axis=None)
