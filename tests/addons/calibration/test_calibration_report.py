from pathlib import Path

import pandas as pd

from pipeline.addons.calibration import evaluator, measuring, section
from pipeline.evaluation.extending import Subject
from tests import page

NAMES = ["cat", "dog", "fish"]


def test_each_training_has_a_row_and_each_model_a_part_of_its_card(tmp_path: Path) -> None:
    made = page.evaluations(NAMES, seeds=(1, 2))
    found = section.section(page.report(made, tmp_path, page.pictures()))
    assert [line.split()[1] for line in found.text.splitlines() if line.startswith("| ")][1:] == [
        *("small-1", "small-2", "large-1", "large-2"),
    ]
    error = measuring.expected_error(made["small"][2].test.labels, made["small"][2].test.probabilities)
    assert "| 2 " in found.by_model["small"]
    assert f" {error:.4f} |" in found.by_model["small"]
    assert set(found.files) == {"reliability.png", "coverage.png"}


def test_the_evaluator_measures_the_test_split() -> None:
    one = page.evaluations(NAMES)["small"][42]
    subject = Subject(page.PARAMS, None, page.pictures(), one.test, NAMES)
    found = evaluator.evaluate(subject)
    labels, probabilities = one.test.labels, one.test.probabilities
    assert found.metrics == {"calibration_error": measuring.expected_error(labels, probabilities)}
    assert found.tables["reliability"]["images"].sum() == len(labels)
    assert found.tables["reliability"]["images"].min() > 0
    pd.testing.assert_frame_equal(found.tables["coverage"], measuring.coverage(labels, probabilities))
