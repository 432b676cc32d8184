import numpy as np
import pandas as pd
import pytest

from pipeline.addons.duplicates import section
from tests.pictures import is_whole, shown, texts, words_meet

NAMES = ["Bag", "Coat $x_1$", "a name of more than fifteen letters"]
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (24, 96, 3), (96, 96, 3)]


def images(shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    whole = np.random.default_rng(0).integers(0, 256, (90, *shape), np.uint8)
    return {"train": whole, "test": whole[::-1]}


def pairs(count: int) -> pd.DataFrame:
    first = {"first split": "train", "first image": np.arange(count), "first label": "Bag"}
    second = {"second split": "test", "second image": np.arange(count) + 1, "second label": "Coat $x_1$"}
    return pd.DataFrame(first | second | {"distance": 1.5})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("count", "said"), [(0, "none"), (1, "1"), (45, "the first 40 of 45")])
def test_nothing_is_clipped_and_the_title_says_how_many_there_are(
    shape: tuple[int, int, int], count: int, said: str
) -> None:
    figure = section.draw(images(shape), pairs(count), NAMES)
    assert texts(figure)[0] == f"Duplicates: {said}"
    assert is_whole(figure)
    assert len(shown(figure)) == min(count, 40)
    assert not words_meet(figure)


@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_stand_side_by_side(channels: int) -> None:
    splits = images((8, 8, channels))
    figure = section.draw(splits, pairs(2), NAMES)
    assert texts(figure)[2:4] == ["train 0: Bag", "test 1: Coat $x_1$, 1.50"]
    paper = splits["train"] if channels == 3 else 255 - splits["train"]
    picture = shown(figure)[0].reshape(8, 18, channels)
    assert np.array_equal(picture[:, :8], paper[0])
    assert np.array_equal(picture[:, -8:], paper[-2])
    assert (picture[:, 8:-8] == 255).all()


def test_pairs_are_listed_with_both_files_where_these_are_known() -> None:
    names = {"train": np.array(["bag/1.png", "coat/2.png"]), "test": np.array(["bag/a.png", "coat/b.png"])}
    (row,) = section.with_files(pairs(1), names).to_dict("records")
    assert (row["first file"], row["second file"]) == ("bag/1.png", "coat/b.png")
    assert section.with_files(pairs(0), names).columns[-2:].tolist() == ["first file", "second file"]
    pd.testing.assert_frame_equal(section.with_files(pairs(1), {}), pairs(1))
