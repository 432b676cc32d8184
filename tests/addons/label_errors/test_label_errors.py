from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.addons.label_errors import finding as label_errors
from pipeline.addons.label_errors import section
from tests import evaluations

NAMES = ["bag", "coat", "shoe"]
EYE = np.eye(3)


def example(seed: int = 0, images: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Make labels, and probabilities that favour them, of every thirtieth image more than the others."""
    random = np.random.default_rng(seed)
    labels, share = random.integers(0, 3, images), np.full((images, 1), 0.3)
    share[::30] = 0.01
    return labels, share * random.dirichlet(np.ones(3), images) + (1 - share) * EYE[labels]


def test_wrong_labels_are_found_with_the_right_class() -> None:
    true, probabilities = example()
    labels, wrong = true.copy(), np.arange(0, 300, 30)
    labels[wrong] = (true[wrong] + 1) % 3
    table = label_errors.table(labels, [probabilities], NAMES)
    assert sorted(table["image"]) == wrong.tolist()
    for _, image, label, suggested, _ in table.itertuples():
        assert (label, suggested) == (NAMES[labels[image]], NAMES[true[image]])


def test_quality_is_half_of_1_plus_the_labels_probability_less_the_greatest_other() -> None:
    true, probabilities = example()
    labels = true.copy()
    labels[::60] = (true[::60] + 2) % 3
    table = label_errors.table(labels, [probabilities], NAMES)
    given, best = probabilities[table["image"], labels[table["image"]]], probabilities[table["image"]].max(axis=1)
    np.testing.assert_allclose(table["quality"], (1 + given - best) / 2)
    assert table["quality"].is_monotonic_increasing


def test_the_mean_of_all_trainings_counts() -> None:
    labels, probabilities = example()
    labels[60] = (labels[60] + 1) % 3
    undecided = probabilities.copy()
    undecided[60] = EYE[labels[60]]
    assert label_errors.table(labels, [probabilities], NAMES)["image"].tolist() == [60]
    assert label_errors.table(labels, [probabilities, *[undecided] * 3], NAMES).empty


def test_equal_qualities_stand_by_number() -> None:
    labels = np.arange(60) % 3
    given = labels.copy()
    given[[31, 4, 17]] = (labels[[31, 4, 17]] + 1) % 3
    assert label_errors.table(given, [EYE[labels]], NAMES)["image"].tolist() == [4, 17, 31]


def test_twice_is_the_same_and_silent(capfd: pytest.CaptureFixture[str]) -> None:
    labels, probabilities = example(1, 15_000)
    labels[::30] = (labels[::30] + 1) % 3
    tables = [label_errors.table(labels, [probabilities], NAMES) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == 500
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("labels", "predicted", "found"),
    [
        ([0, 1, 2, 0], [0, 1, 2, 0], []),
        ([0, 1, 2, 0], [1, 2, 0, 1], [0, 1, 2, 3]),
        ([0, 0, 0], [0, 0, 0], []),
        ([1, 1, 1], [1, 2, 1], []),
        ([0, 0, 2, 2], [0, 2, 2, 2], [1]),
        ([0, 1], [0, 1], []),
        ([0, 1], [1, 1], [0]),
    ],
    ids=[
        "all right",
        "all wrong",
        "one class",
        "one class, not the first",
        "an empty class",
        "two images",
        "one wrong",
    ],
)
def test_probabilities_of_0_and_1(labels: list[int], predicted: list[int], found: list[int]) -> None:
    table = label_errors.table(np.array(labels), [EYE.astype(np.float32)[predicted]], NAMES)
    assert table["image"].tolist() == found
    assert [*table] == ["image", "label", "suggested", "quality"]


def test_the_splits_that_no_network_has_learnt_from_are_listed(tmp_path: Path) -> None:
    report = evaluations.report(evaluations.evaluations(["cat", "dog"]), tmp_path, evaluations.pictures())
    wrong = report.labels["validation"].copy()
    wrong[101] = 1 - wrong[101]
    found = section.section(replace(report, labels={**report.labels, "validation": wrong}))
    assert [*found.files] == [
        f"failures/label_errors_{split}{ending}" for split in ("test", "validation") for ending in ("", ".png")
    ]
    table = found.files["failures/label_errors_validation"]
    assert isinstance(table, pd.DataFrame)
    assert 101 in table["image"].to_list()
    assert [*found.lists] == ["Labels that are likely wrong"]
    assert found.pictures == {
        "Labels that are likely wrong, of the validation part": "failures/label_errors_validation.png"
    }
