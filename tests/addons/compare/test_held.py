import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.addons.compare import checks, comparing
from pipeline.config.gate import Gate
from pipeline.evaluation import significance
from tests.evaluation.test_significance import draw

RELATIVE = {"no_worse_than": {"revision": "main", "by": 0.002}, "not_significantly_worse_than": {"revision": "main"}}


@pytest.mark.parametrize(
    ("worse", "kept"), [(0, [True, True]), (20, [True, True]), (21, [False, True]), (200, [False, False])]
)
def test_relative_checks_allow_a_margin_and_chance(worse: int, kept: list[bool]) -> None:
    before = np.random.default_rng(0).random((1, 10_000)) < 0.9
    after = before.copy()
    after[0, np.flatnonzero(before)[: worse + 100]] = False
    after[0, np.flatnonzero(~before)[:100]] = True
    difference = significance.difference(after, before)
    found = checks.held(Gate.model_validate(RELATIVE), "vgg", {"main": difference})
    assert [check.passed for check in found] == kept
    names = ["test.accuracy less main's", "test.accuracy as in main, p"]
    assert [(check.model, check.metric) for check in found] == [("vgg", name) for name in names]


def test_a_model_that_is_new_is_held_against_nothing() -> None:
    assert checks.held(Gate.model_validate(RELATIVE), "vgg", {}) == []


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3])
def test_false_alarms_against_a_revision_are_rarer_than_the_level(seeds: int) -> None:
    """10,000 pairs of models that are equally good, seen by their predictions and by their accuracies alone."""
    generator, alarms = np.random.default_rng(1), np.zeros(2)
    gate = Gate.model_validate({"not_significantly_worse_than": {"revision": "main", "level": 0.05}})
    for _ in range(10_000):
        after, before = draw(generator, seeds, 0.05 * (seeds > 1))
        accuracies = [list(right.mean(axis=1)) for right in (after, before)]
        seen = [
            significance.difference(after, before),
            comparing.of_accuracies(accuracies[0], accuracies[1], 1000),
        ]
        found = [checks.held(gate, "vgg", {"main": difference})[0] for difference in seen]
        alarms += [not check.passed for check in found]
    assert (alarms > 0).all()
    assert (alarms / 10_000 < 0.05).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_accuracies_alone_of_one_seed_are_compared_by_welchs_test(seed: int, first: float, second: float) -> None:
    random = np.random.default_rng(seed).random((2, 60))
    right = [(random[0] < first).astype(float), (random[1] < second).astype(float)]
    compared = comparing.of_accuracies([right[0].mean()], [right[1].mean()], 60)
    if right[0].std() and right[1].std():  # or SciPy warns
        expected = stats.ttest_ind(*right, equal_var=False)
        interval = expected.confidence_interval()
        assert compared.p_value == pytest.approx(expected.pvalue)
        assert (compared.low, compared.high) == pytest.approx((interval.low, interval.high))
        less = stats.ttest_ind(*right, equal_var=False, alternative="less")
        assert checks.p_worse(compared) == pytest.approx(less.pvalue)
    assert (compared.only_first, compared.by_seeds) == (None, None)


@pytest.mark.parametrize(("first", "second"), [([0.9], [0.8, 0.9]), ([0.9, 0.8], [0.9])])
def test_accuracies_alone_of_one_seed_tell_nothing_of_seeds(first: list[float], second: list[float]) -> None:
    compared = comparing.of_accuracies(first, second, 101)
    variances = [mean * (1 - mean) / 100 for mean in (np.mean(first), np.mean(second))]
    assert compared.by_images == pytest.approx(sum(variances) ** 0.5)
    assert compared.by_seeds is None


@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_accuracies_alone_of_several_seeds_are_compared_as_predictions_are_of_other_images(
    seed: int, seeds: int
) -> None:
    """Of many images, so that what they bring is small beside what seeds do."""
    first, second = np.random.default_rng(seed).uniform(0.4, 0.6, (2, seeds))
    compared = comparing.of_accuracies(list(first), list(second), 10**12)
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert compared.p_value == pytest.approx(expected.pvalue, rel=1e-3)
    assert compared.by_seeds == pytest.approx(((first.var(ddof=1) + second.var(ddof=1)) / seeds) ** 0.5)


def test_accuracies_alone_of_several_seeds_count_their_scatter() -> None:
    alike, scattered = [0.9, 0.9, 0.9], [0.87, 0.9, 0.93]
    narrow, wide = (comparing.of_accuracies(ours, alike, 1000) for ours in (alike, scattered))
    assert narrow.by_seeds == 0.0
    assert wide.by_seeds == pytest.approx(0.03 / 3**0.5)
    assert wide.high > narrow.high


@pytest.mark.parametrize("first", [0, 3, 5, 7])
def test_p_of_being_worse_is_the_one_sided_binomial_tests(first: int) -> None:
    right = np.zeros((2, 1, 20), bool)
    right[0, 0, :first], right[1, 0, 10:15] = True, True
    expected = stats.binomtest(first, first + 5, alternative="less").pvalue
    worse = checks.p_worse(significance.difference(right[0], right[1]))
    assert worse == pytest.approx(expected) if first < 5 else worse >= 0.5
