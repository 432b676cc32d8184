import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pipeline.addons.duplicates import figure as duplicates
from pipeline.addons.label_errors import section as label_errors
from pipeline.addons.mistakes import figure as mistakes
from pipeline.addons.mistakes import section
from pipeline.figures import failures
from tests.pictures import is_whole, shown, texts, words_meet

NAMES = ["Bag", "Coat $x_1$", "a name of more than fifteen letters"]
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (24, 96, 3), (96, 96, 3)]


def images(shape: tuple[int, int, int], count: int = 90) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def table(count: int) -> pd.DataFrame:
    """Make a table that has the columns of all lists but the pairs', of every second image."""
    names = np.array(NAMES)[np.arange(count) % 3]
    columns = {"image": 2 * np.arange(count), **dict.fromkeys(("label", "prediction", "second", "suggested"), names)}
    return pd.DataFrame(columns | {"margin": 0.25, "quality": 0.125, "probability": 0.0625, "votes": 3})


def pairs(count: int) -> pd.DataFrame:
    first = {"first split": "train", "first image": np.arange(count), "first label": "Bag"}
    second = {"second split": "test", "second image": np.arange(count) + 1, "second label": "Coat $x_1$"}
    return pd.DataFrame(first | second | {"distance": 1.5})


def galleries(shape: tuple[int, int, int], count: int) -> dict[str, Figure]:
    whole = images(shape)
    return {
        "least certain": failures.listed(section.EXPLAINED["least_certain"], whole, table(count), NAMES),
        "never right": failures.listed(section.EXPLAINED["never_right"], whole, table(count), NAMES),
        "label errors": failures.listed(label_errors.EXPLAINED, whole, table(count), NAMES),
        "duplicates": duplicates.pairs({"train": whole, "test": whole[::-1]}, pairs(count), NAMES),
    }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [0, 1, 45])
def test_nothing_is_clipped_and_no_words_meet(shape: tuple[int, int, int], count: int) -> None:
    for name, figure in galleries(shape, count).items():
        assert is_whole(figure), name
        assert len(shown(figure)) == min(count, 40), name
        assert not words_meet(figure), name


@pytest.mark.parametrize(("count", "said"), [(0, ": none"), (7, ": 7"), (45, ": the first 40 of 45")])
def test_titles_say_how_many_there_are(count: int, said: str) -> None:
    for name, figure in galleries((8, 8, 1), count).items():
        assert texts(figure)[0].endswith(said), name


def test_captions_number_the_images_and_pictures_are_theirs() -> None:
    whole, figures = images((8, 8, 1)), galleries((8, 8, 1), 3)
    for name, second_line in {
        "least certain": "Coat $x_1$ or Coat $x_1$, 0.2500",
        "never right": "Coat $x_1$ (3), 0.0625",
        "label errors": "Coat $x_1$? 0.1250",
    }.items():
        assert texts(figures[name])[4:6] == ["2: Coat $x_1$", second_line]
        assert np.array_equal(shown(figures[name])[1], 255 - whole[2, ..., 0])


@pytest.mark.parametrize(("count", "which"), [(1, "All of them"), (40, "All of them"), (45, "The 40 most confident")])
def test_mistakes_are_counted_and_captioned_and_at_most_40(count: int, which: str) -> None:
    whole = images((8, 8, 1))
    figure = mistakes.mistakes(whole, table(count), NAMES)
    title, explained, *captions = texts(figure)
    assert title == f"{count} of 90 test images are misclassified."
    assert explained == f"{which}, with the wrong class's probability:"
    assert captions[:3] == ["true: Bag", "predicted: Bag", "0.0625, image 0"]
    assert len(shown(figure)) == min(count, 40)
    assert np.array_equal(shown(figure)[-1], 255 - whole[2 * len(shown(figure)) - 2, ..., 0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 45])
def test_wide_captions_of_mistakes_keep_apart(shape: tuple[int, int, int], count: int) -> None:
    wide = dict.fromkeys(("label", "prediction"), "WWWWWWWWWWWWWWWWWW $ 1")
    figure = mistakes.mistakes(images(shape), table(count).assign(**wide), [wide["label"]])
    assert is_whole(figure)
    assert not words_meet(figure)


def test_no_mistakes_at_all_is_said() -> None:
    figure = mistakes.mistakes(images((8, 8, 1)), table(0), NAMES)
    assert texts(figure) == ["None of the 90 test images is misclassified."]
    assert is_whole(figure)


@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_stand_side_by_side(channels: int) -> None:
    whole = images((8, 8, channels))
    figure = duplicates.pairs({"train": whole, "test": whole[::-1]}, pairs(2), NAMES)
    assert texts(figure)[2:4] == ["train 0: Bag", "test 1: Coat $x_1$, 1.50"]
    picture, paper = shown(figure)[0].reshape(8, 18, channels), whole if channels == 3 else 255 - whole
    assert np.array_equal(picture[:, :8], paper[0])
    assert np.array_equal(picture[:, -8:], paper[-2])
    assert (picture[:, 8:-8] == 255).all()
