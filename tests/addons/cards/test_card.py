import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.addons.cards import document as card
from pipeline.evaluation import significance
from pipeline.evaluation.records import Evaluation, Predictions

NAMES = ["bag", "coat|jacket", "shoe"]
COUNTS = {"train": {"bag": 1000, "coat|jacket": 234, "shoe": 0}, "test": {"bag": 20, "coat|jacket": 20, "shoe": 20}}
DATASET = {"name": "clothes", "class_names": NAMES, "image_shape": [28, 20, 1], "counts": COUNTS}


def evaluation(seed: int, right: float = 0.8) -> Evaluation:
    """Make an evaluation with 60 test images; with `right` 1, all are recognised."""
    random = np.random.default_rng(seed)
    labels = np.arange(60) % 3
    shown = np.where(random.random(60) < right, labels, (labels + 1) % 3)
    probabilities = 0.7 * np.eye(3)[shown] + 0.3 * random.dirichlet(np.ones(3), 60)
    splits = {"test": Predictions(labels, probabilities.astype(np.float32))}
    history = pd.DataFrame({"epoch": [1.0]})
    return Evaluation(NAMES, 12_345, 2_500_000, history, splits, machine={"processor": "Abacus"})


def written(*evaluations: Evaluation) -> str:
    by_seed = {42 + index: some for index, some in enumerate(evaluations)}
    return card.as_markdown("vgg", DATASET, {"epochs": "8"}, by_seed, {"Robustness": "| a | b |"})


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the tables under a heading, header and rule aside."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|") and not line.startswith("|:")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_card_has_every_section_once() -> None:
    headings = re.findall(r"^#+ (.+)$", written(evaluation(0)), re.MULTILINE)
    assert headings == [
        *("vgg on clothes", "Data", "Training", "Intended use and limits"),
        *("Figures on the test images", "Robustness", "Made on"),
    ]


def test_card_says_what_it_is_given() -> None:
    text = written(evaluation(0))
    assert "12,345 parameters (2.5 MB)" in text
    assert "28 × 20 pixels, grey" in text
    assert "One training, with seed 42." in text
    assert rows(text, "Data")[1:] == [["train", "1,234"], ["test", "60"]]
    assert rows(text, "Training")[1:] == [["epochs", "8"]]
    assert rows(text, "Made on")[1:] == [["processor", "Abacus"]]


def test_figures_are_those_of_the_other_modules() -> None:
    some = evaluation(0)
    low, high = significance.accuracy_interval(some.right[None])
    _, figures, *_ = rows(written(some), "Figures on the test images")
    assert figures[:3] == ["42", f"{some.scores['test']['accuracy']:.4f}", f"{low:.4f} – {high:.4f}"]


def test_several_seeds_have_a_row_each_a_mean_and_a_standard_deviation() -> None:
    several = [evaluation(seed) for seed in range(3)]
    text = written(*several)
    accuracies = [some.scores["test"]["accuracy"] for some in several]
    table = [row[:2] for row in rows(text, "Figures on the test images")[1:6]]
    assert table == [
        *[[str(42 + index), f"{accuracy:.4f}"] for index, accuracy in enumerate(accuracies)],
        ["mean", f"{np.mean(accuracies):.4f}"],
        ["standard deviation", f"{np.std(accuracies, ddof=1):.4f}"],
    ]
    assert f"{100 * np.mean(accuracies):.2f} % of 60 test images, the mean of 3 trainings" in text
    assert "seeds 42, 43, 44" in text


def test_limits_name_the_weakest_class_and_the_most_frequent_mistake() -> None:
    some = evaluation(0, right=1)
    probabilities = some.test.probabilities.copy()
    probabilities[[2, 5, 8]] = [0.8, 0.1, 0.1]  # three of the 20 shoes become bags
    text = written(Evaluation(NAMES, 1, 1, some.history, {"test": Predictions(some.test.labels, probabilities)}))
    assert "weakest on shoe, of which it recognises 85.0 %" in text
    assert "most frequent mistake is to take shoe for bag: 15.0 % of all shoe." in text


def test_a_class_without_test_images_is_not_the_weakest() -> None:
    some = evaluation(0, right=1)
    labels, probabilities = some.test.labels.copy(), some.test.probabilities.copy()
    labels[labels == 2] = 0
    text = written(Evaluation(NAMES, 1, 1, some.history, {"test": Predictions(labels, probabilities)}))
    assert "weakest on bag" in text


def test_sections_of_add_ons_follow() -> None:
    assert rows(written(evaluation(0)), "Robustness") == [["a", "b"]]
    assert "Robustness" not in card.as_markdown("vgg", DATASET, {}, {42: evaluation(0)}, {})


@pytest.mark.parametrize("right", [0, 0.8, 1])
@pytest.mark.parametrize("seeds", [1, 2])
def test_card_has_no_holes_and_is_the_same_each_time(right: float, seeds: int) -> None:
    several = [evaluation(seed, right) for seed in range(seeds)]
    text = written(*several)
    assert text == written(*several)
    assert not re.search(r"nan|None|\{|\}|\n\n\n| \n", text)
    assert text.endswith("|\n")
    assert ("most frequent mistake" in text) == (right < 1)
    assert rows(text, "Figures on the test images")[-2][0] == r"coat\|jacket"
    assert {len(row) for row in rows(text, "Figures on the test images")} == {5, 6}  # a class, a seed


def test_class_names_break_neither_sentences_nor_tables() -> None:
    names = ["a\n\n# b", "**c** | d", "![](https://evil.example)"]
    counts = {"train": dict.fromkeys(names, 9), "test": dict.fromkeys(names, 20)}
    some = replace(evaluation(0), class_names=names)
    text = card.as_markdown("vgg", DATASET | {"class_names": names, "counts": counts}, {}, {42: some}, {})
    assert re.findall(r"^# .+$", text, re.MULTILINE) == ["# vgg on clothes"]
    assert [row[0] for row in rows(text, "Figures on the test images")[-3:]] == [
        *("`a  # b`", "`**c** \\| d`", "`![](https://evil.example)`"),
    ]
    assert re.search(r"weakest on `[^`\n]+`, of which", text)
    assert re.search(r"take `[^`\n]+` for `[^`\n]+`: ", text)
