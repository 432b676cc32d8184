import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pipeline.addons.galleries import galleries
from tests.pictures import is_whole, shown, texts, words_meet

NAMES = ["Bag", "Coat $x_1$", "a name of more than fifteen letters"]
WORDS = galleries.Words(
    "Least certain",
    "Number: label; the two most probable classes",
    "{image}: {label}\n{prediction} or {second}, {margin:.4f}",
)
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (24, 96, 3), (96, 96, 3)]


def images(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, *shape), np.uint8)


def listed(whole: np.ndarray, count: int) -> Figure:
    """Draw a list of every second image."""
    names = dict.fromkeys(("label", "prediction", "second"), np.array(NAMES)[np.arange(count) % 3])
    table = pd.DataFrame({"image": 2 * np.arange(count), **names, "margin": 0.25})
    return galleries.listed(WORDS, whole, table, NAMES)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [0, 1, 45])
def test_nothing_is_clipped_and_no_words_meet(shape: tuple[int, int, int], count: int) -> None:
    figure = listed(images(shape), count)
    assert is_whole(figure)
    assert len(shown(figure)) == min(count, 40)
    assert not words_meet(figure)


@pytest.mark.parametrize(("count", "said"), [(0, ": none"), (7, ": 7"), (45, ": the first 40 of 45")])
def test_titles_say_how_many_there_are(count: int, said: str) -> None:
    assert texts(listed(images((8, 8, 1)), count))[0] == f"Least certain{said}"


def test_captions_number_the_images_and_pictures_are_theirs() -> None:
    whole = images((8, 8, 1))
    figure = listed(whole, 3)
    assert texts(figure)[4:6] == ["2: Coat $x_1$", "Coat $x_1$ or Coat $x_1$, 0.2500"]
    assert np.array_equal(shown(figure)[1], 255 - whole[2, ..., 0])
