import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation import significance


def test_interval_is_wilsons() -> None:
    labels, probabilities = np.zeros(100, int), np.eye(4, dtype=np.float32)[[0] * 90 + [1] * 10]
    z, share, count = stats.norm.ppf(0.975), 0.9, 100
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    assert significance.accuracy_interval(labels, probabilities) == pytest.approx((middle - half, middle + half))


def test_difference_counts_what_only_one_gets_right() -> None:
    labels = np.zeros(10, int)
    first, second = (np.eye(4, dtype=np.float32)[[0] * right + [1] * (10 - right)] for right in (9, 3))
    compared = significance.difference(labels, first, second)
    assert compared.accuracy == pytest.approx(0.6)
    assert (compared.only_first, compared.only_second) == (6, 0)
    assert compared.p_value == pytest.approx(2 * 0.5**6)


def test_equal_models_differ_by_nothing() -> None:
    labels, probabilities = np.zeros(5, int), np.eye(4, dtype=np.float32)[[0, 1, 2, 0, 0]]
    assert significance.difference(labels, probabilities, probabilities).p_value == 1.0


def test_holm_on_his_own_kind_of_example() -> None:
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_p_values_and_bonferroni(p_values: list[float]) -> None:
    for adjusted, p_value in zip(significance.holm(p_values), p_values, strict=True):
        assert p_value <= adjusted <= min(1, p_value * len(p_values))
