from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.addons.calibration import evaluator, section
from pipeline.evaluation.extending import Subject
from pipeline.evaluation.records import Evaluation
from tests import evaluations

NAMES = ["cat", "dog", "fish"]


def subject(one: Evaluation) -> Subject:
    return Subject(evaluations.PARAMS, None, evaluations.pictures(), one.test, NAMES)


def test_each_training_has_a_row_and_each_model_a_part_of_its_card(tmp_path: Path) -> None:
    made = {
        model: {seed: replace(one, tables=evaluator.evaluate(subject(one)).tables) for seed, one in seeds.items()}
        for model, seeds in evaluations.evaluations(NAMES, seeds=(1, 2)).items()
    }
    found = section.section(evaluations.report(made, tmp_path, evaluations.pictures()))
    assert [line.split()[1] for line in found.text.splitlines() if line.startswith("| ")][1:] == [
        *("small-1", "small-2", "large-1", "large-2"),
    ]
    error = evaluator.expected_error(made["small"][2].test.labels, made["small"][2].test.probabilities)
    assert "| 2 " in found.by_model["small"]
    assert f" {error:.4f} |" in found.by_model["small"]
    assert "| mean " in found.by_model["small"]
    assert "| standard deviation " in found.by_model["small"]
    assert set(found.files) == {"reliability.png", "coverage.png"}


def test_the_evaluator_measures_the_test_split() -> None:
    one = evaluations.evaluations(NAMES)["small"][42]
    found = evaluator.evaluate(subject(one))
    labels, probabilities = one.test.labels, one.test.probabilities
    assert found.metrics == {"calibration_error": evaluator.expected_error(labels, probabilities)}
    assert found.tables["reliability"]["images"].sum() == len(labels)
    assert found.tables["reliability"]["images"].min() > 0
    pd.testing.assert_frame_equal(found.tables["coverage"], evaluator.coverage(labels, probabilities))
