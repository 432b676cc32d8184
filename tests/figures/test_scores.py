import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline.figures import curves, png, scores
from tests.pictures import is_whole

HISTORY = {name: [1.0, 2.0] for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")}
HISTORY["epoch"] = [1, 2]


def names(count: int) -> list[str]:
    return [f"class number {index}" for index in range(count)]


def matrix(count: int) -> np.ndarray:
    return np.eye(count) * 0.9 + 0.1 / count


def figures(classes: int) -> dict[str, Figure]:
    return {
        "learning_curves": curves.learning_curves(HISTORY),
        "compare_curves": curves.compare_curves({"a": HISTORY, "b": HISTORY}),
        "confusion": scores.confusion(np.round(matrix(classes) * 100), matrix(classes), names(classes)),
        "confusions": scores.compare_confusions(dict.fromkeys("abcd", matrix(classes)), names(classes)),
    }


@pytest.mark.parametrize("classes", [2, 10, 25])
def test_nothing_is_clipped_at_the_edges(classes: int) -> None:
    for name, figure in figures(classes).items():
        assert is_whole(figure), name


@pytest.mark.parametrize("classes", [20, 30, 200])
def test_more_classes_take_no_more_room(classes: int) -> None:
    for name, figure in figures(classes).items():
        assert max(figure.get_size_inches()) < 30, name


def test_200_classes_are_a_small_file_without_clipping() -> None:
    noisy = np.random.default_rng(0).poisson(0.3, (200, 200)) + np.diag(np.full(200, 50))
    figure = scores.confusion(noisy, noisy / noisy.sum(axis=1, keepdims=True), names(200))
    assert is_whole(figure)
    assert len(png.encode(figure)) < 300_000


def test_names_are_not_read_as_formulas() -> None:
    odd = [r"$\frac$", "$a_1$", "鞋子"]
    for figure in (
        scores.confusion(np.eye(3), np.eye(3), odd),
        scores.compare_confusions({"a": np.eye(3)}, odd),
    ):
        assert is_whole(figure)


def test_confusion_shows_every_count() -> None:
    figure = scores.confusion(np.array([[7, 0], [3, 5]]), np.array([[1.0, 0], [0.375, 0.625]]), ["a", "b"])
    counts, shares = ([text.get_text() for text in axes.texts] for axes in figure.axes)
    assert counts == ["7", "0", "3", "5"]
    assert shares == ["100.0", "0.0", "37.5", "62.5"]


def test_epochs_are_whole_numbers() -> None:
    figure = curves.learning_curves(HISTORY)
    figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in figure.axes[0].get_xticks())
