from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.addons.mistakes import evaluator, section
from tests import evaluations
from tests.pictures import is_whole, shown, texts, words_meet

NAMES = ["Bag", "Coat $x_1$", "a name of more than fifteen letters"]
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (24, 96, 3), (96, 96, 3)]


def images(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, *shape), np.uint8)


def table(count: int) -> pd.DataFrame:
    """Make a table of mistakes, of every second image."""
    names = np.array(NAMES)[np.arange(count) % 3]
    return pd.DataFrame({"image": 2 * np.arange(count), "label": names, "prediction": names, "probability": 0.0625})


@pytest.mark.parametrize(("count", "which"), [(1, "All of them"), (40, "All of them"), (45, "The 40 most confident")])
def test_mistakes_are_counted_and_captioned_and_at_most_40(count: int, which: str) -> None:
    whole = images((8, 8, 1))
    figure = evaluator.draw(whole, table(count), NAMES)
    title, explained, *captions = texts(figure)
    assert title == f"{count} of 90 test images are misclassified."
    assert explained == f"{which}, with the wrong class's probability:"
    assert captions[:3] == ["true: Bag", "predicted: Bag", "0.0625, image 0"]
    assert len(shown(figure)) == min(count, 40)
    assert np.array_equal(shown(figure)[-1], 255 - whole[2 * len(shown(figure)) - 2, ..., 0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 45])
def test_wide_captions_keep_apart(shape: tuple[int, int, int], count: int) -> None:
    wide = dict.fromkeys(("label", "prediction"), "WWWWWWWWWWWWWWWWWW $ 1")
    figure = evaluator.draw(images(shape), table(count).assign(**wide), [wide["label"]])
    assert is_whole(figure)
    assert not words_meet(figure)


def test_no_mistakes_at_all_is_said() -> None:
    figure = evaluator.draw(images((8, 8, 1)), table(0), NAMES)
    assert texts(figure) == ["None of the 90 test images is misclassified."]
    assert is_whole(figure)


def test_the_section_has_a_list_of_all_trainings_and_three_of_each(tmp_path: Path) -> None:
    made = evaluations.evaluations(["cat", "dog"], images=300)
    found = section.section(evaluations.report(made, tmp_path, evaluations.pictures(300)))
    assert set(found.files) == {
        *("failures/never_right", "failures/never_right.png"),
        *(
            f"failures/{model}-42/{name}"
            for model in ("small", "large")
            for name in ("confused_pairs", "mistakes", "least_certain", "least_certain.png")
        ),
    }
    assert [len(table) for title, table in found.lists.items() if "least certain" in title] == [40, 40]
    certain = found.files["failures/small-42/least_certain"]
    assert isinstance(certain, pd.DataFrame)
    assert len(certain) == 100
    wrong = ~np.any([seeds[42].right for seeds in made.values()], axis=0)
    assert set(found.lists["Images that every training gets wrong"]["image"]) <= set(np.flatnonzero(wrong))
