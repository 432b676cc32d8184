import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from pipeline.evaluation import significance

BOOLS = st.lists(st.booleans(), min_size=2, max_size=40)


def right(share: int, of: int = 10) -> np.ndarray:
    return (np.arange(of) < share)[None]


def test_interval_is_wilsons() -> None:
    z, share, count = stats.norm.ppf(0.975), 0.9, 100
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    assert significance.accuracy_interval(right(90, 100)) == pytest.approx((middle - half, middle + half))


def test_difference_counts_what_only_one_gets_right() -> None:
    compared = significance.difference(right(9), right(3))
    assert compared.accuracy == pytest.approx(0.6)
    assert (compared.only_first, compared.only_second) == (6, 0)
    assert compared.p_value == pytest.approx(2 * 0.5**6)
    assert compared.by_seeds is None


def test_equal_models_differ_by_nothing() -> None:
    assert significance.difference(right(4), right(4)).p_value == 1.0
    assert significance.difference(np.repeat(right(4), 3, 0), np.repeat(right(4), 3, 0)).p_value == 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_one_seed_is_mcnemars_exact_test(pairs: list[tuple[bool, bool]]) -> None:
    first, second = np.array(pairs).T
    table = [[np.sum((first == a) & (second == b)) for b in (True, False)] for a in (True, False)]
    compared = significance.difference(first[None], second[None])
    assert compared.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert -1 <= compared.low < compared.high <= 1
    assert compared.low <= compared.accuracy <= compared.high or abs(compared.accuracy) > 0.9


def test_interval_of_one_seeds_difference_is_bonett_and_prices() -> None:
    first, second = np.zeros((2, 1, 98), dtype=bool)
    first[0, :20] = second[0, 20:30] = True  # 20 and 10 of 98, so 21 and 11 of 100
    margin = stats.norm.ppf(0.975) * np.sqrt((0.21 + 0.11 - 0.1**2) / 100)
    compared = significance.difference(first, second)
    assert (compared.low, compared.high) == pytest.approx((0.1 - margin, 0.1 + margin))


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 200))
def test_without_differences_between_images_seeds_are_students_test(seed: int, seeds: int, images: int) -> None:
    """Images that a training gets all right or all wrong leave the seeds alone to vary: Welch's t-test."""
    first, second = np.random.default_rng(seed).random((2, seeds)) < 0.5
    accuracies = [np.repeat(part[:, None], images, axis=1) for part in (first, second)]
    compared = significance.difference(*accuracies)
    if first.std() and second.std():  # or SciPy warns
        welch = stats.ttest_ind(first.astype(float), second.astype(float), equal_var=False)
        assert compared.p_value == pytest.approx(welch.pvalue)
        interval = welch.confidence_interval()
        assert (compared.low, compared.high) == pytest.approx((interval.low, interval.high))
    assert compared.by_images == pytest.approx(0)


@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_without_differences_between_seeds_images_are_students_paired_test(seed: int, seeds: int) -> None:
    first, second = np.random.default_rng(seed).random((2, 50)) < 0.7
    compared = significance.difference(np.repeat(first[None], seeds, 0), np.repeat(second[None], seeds, 0))
    if np.any(first != second):
        paired = stats.ttest_rel(first.astype(float), second.astype(float))
        assert compared.p_value == pytest.approx(paired.pvalue)
    assert compared.by_seeds == pytest.approx(0)


@pytest.mark.parametrize("scatter", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_false_alarms_of_equally_good_models_are_as_rare_as_promised(seeds: int, scatter: float) -> None:
    """Both models draw from one distribution; images differ in hardness, by model and by seed, seeds by `scatter`."""
    generator = np.random.default_rng([seeds, int(100 * scatter)])
    alarms = [
        significance.difference(*draw(generator, seeds, scatter)).p_value < significance.LEVEL for _ in range(1000)
    ]
    assert np.mean(alarms) < 0.075


def test_a_real_difference_is_seen() -> None:
    generator = np.random.default_rng(0)
    found = [significance.difference(*draw(generator, 3, 0.05, better=0.4)).p_value < 0.05 for _ in range(100)]
    assert np.mean(found) > 0.9


def test_what_seeds_and_images_bring_is_what_other_seeds_and_images_bring() -> None:
    generator = np.random.default_rng(0)
    compared = [significance.difference(*draw(generator, 3, 0.15)) for _ in range(600)]
    spread = np.std([difference.accuracy for difference in compared])
    stated = np.sqrt(np.mean([difference.by_images**2 + (difference.by_seeds or 0) ** 2 for difference in compared]))
    assert spread == pytest.approx(stated, rel=0.15)


def draw(generator: np.random.Generator, seeds: int, scatter: float, better: float = 0.0) -> list[np.ndarray]:
    """Draw which of 1,000 images two models get right: an image is right where easiness exceeds what disturbs it."""
    easiness = generator.normal(2.2, 1.2, 1000)
    return [
        easiness
        + advantage
        + generator.normal(0, 0.5, 1000)
        + generator.normal(0, scatter, (seeds, 1))
        + generator.normal(0, 0.6, (seeds, 1000))
        > 0
        for advantage in (better, 0.0)
    ]


@given(BOOLS, st.integers(2, 4))
def test_interval_of_several_seeds_holds_their_mean(images: list[bool], seeds: int) -> None:
    low, high = significance.accuracy_interval(np.repeat(np.array(images)[None], seeds, axis=0))
    assert 0 <= low <= np.mean(images) <= high <= 1


def test_holm_on_his_own_kind_of_example() -> None:
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_p_values_and_bonferroni(p_values: list[float]) -> None:
    for adjusted, p_value in zip(significance.holm(p_values), p_values, strict=True):
        assert p_value <= adjusted <= min(1, p_value * len(p_values))


def test_accuracy_interval_of_seeds_that_are_alike_is_students_of_the_images() -> None:
    images = np.random.default_rng(0).random(80) < 0.6
    interval = stats.ttest_1samp(images.astype(float), 0).confidence_interval()
    found = significance.accuracy_interval(np.repeat(images[None], 3, axis=0))
    assert found == pytest.approx((interval.low, interval.high))


def test_accuracy_interval_of_images_that_are_alike_is_students_of_the_seeds() -> None:
    right = np.array([[True, False, True, True, False, True]]).T.repeat(50, axis=1)
    interval = stats.ttest_1samp(right[:, 0].astype(float), 0).confidence_interval()
    low, high = max(0, interval.low), min(1, interval.high)
    assert significance.accuracy_interval(right) == pytest.approx((low, high))


@pytest.mark.parametrize(("first", "second"), [(1, 3), (3, 1)])
def test_one_seed_against_several_is_compared_by_the_images_alone(first: int, second: int) -> None:
    generator = np.random.default_rng(0)
    compared = significance.difference(*(generator.random((seeds, 90)) < 0.7 for seeds in (first, second)))
    assert compared.by_seeds is None
    assert compared.only_first is not None
    assert compared.only_second is not None
    counts = compared.only_first, compared.only_first + compared.only_second
    assert compared.p_value == pytest.approx(stats.binomtest(*counts).pvalue)


def test_what_images_bring_is_the_standard_error_of_their_differences() -> None:
    first, second = np.random.default_rng(0).random((2, 3, 70)) < 0.7
    shares = first.mean(axis=0) - second.mean(axis=0)
    assert significance.difference(first, second).by_images == pytest.approx(stats.sem(shares))


def test_models_that_are_always_right_and_always_wrong_are_told_apart_for_sure() -> None:
    right, wrong = np.ones((2, 20), bool), np.zeros((2, 20), bool)
    compared = significance.difference(right, wrong)
    assert (compared.low, compared.high, compared.p_value) == (1.0, 1.0, 0.0)
    assert significance.difference(right, right).p_value == 1.0


def test_as_many_images_for_each_leave_one_seed_at_chance() -> None:
    compared = significance.difference(right(5), 1 - right(5) > 0)
    assert (compared.only_first, compared.only_second, compared.p_value) == (5, 5, 1.0)
