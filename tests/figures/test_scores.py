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
    recalls = {"a": matrix(classes)[0], "b": matrix(classes)[1]}
    return {
        "learning_curves": curves.learning_curves(HISTORY),
        "compare_curves": curves.compare_curves({"a": HISTORY, "b": HISTORY}),
        "accuracies": scores.accuracies({"train": 0.5, "test": 1.0}),
        "recall": scores.compare_recall(recalls, names(classes)),
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


def test_accuracies_are_bars_with_their_values() -> None:
    (axes,) = scores.accuracies({"train": 0.92931, "test": 0.9}).axes
    assert [bar.get_height() for bar in axes.patches] == [0.92931, 0.9]  # type: ignore[attr-defined]
    assert [text.get_text() for text in axes.texts] == ["0.9293", "0.9000"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["train", "test"]


def test_of_many_classes_those_of_the_lowest_recall_are_shown() -> None:
    recall = np.random.default_rng(1).permutation(100) / 100
    (axes,) = scores.compare_recall({"a": recall, "b": recall / 2}, names(100)).axes
    lowest = np.argsort(recall)[:30]
    assert [label.get_text() for label in axes.get_yticklabels()] == [names(100)[index] for index in lowest]
    assert np.array_equal(axes.lines[0].get_xdata(), recall[lowest])
    assert axes.get_title() == "the 30 of 100 classes with the lowest mean recall"


def test_of_many_classes_the_most_frequent_confusions_are_named() -> None:
    counts = np.diag(np.full(40, 90))
    counts[3, 7], counts[8, 2] = 10, 6
    _, axes = scores.confusion(counts, counts / counts.sum(axis=1, keepdims=True), names(40)).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "class number 3 as class number 7",
        "class number 8 as class number 2",
    ]
    assert [text.get_text() for text in axes.texts] == ["10 (10.0 %)", "6 (6.2 %)"]


def test_names_are_not_read_as_formulas() -> None:
    odd = [r"$\frac$", "$a_1$", "鞋子"]
    for figure in (
        scores.confusion(np.eye(3), np.eye(3), odd),
        scores.compare_confusions({"a": np.eye(3)}, odd),
        scores.compare_recall({"a": np.ones(3)}, odd),
    ):
        assert is_whole(figure)


def test_confusion_shows_every_count() -> None:
    figure = scores.confusion(np.array([[7, 0], [3, 5]]), np.array([[1.0, 0], [0.375, 0.625]]), ["a", "b"])
    counts, shares = ([text.get_text() for text in axes.texts] for axes in figure.axes)
    assert counts == ["7", "·", "3", "5"]
    assert shares == ["100.0", "·", "37.5", "62.5"]


def test_epochs_are_whole_numbers() -> None:
    figure = curves.learning_curves(HISTORY)
    figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in figure.axes[0].get_xticks())
