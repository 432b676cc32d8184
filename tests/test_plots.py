import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pipeline import curves, plots

HISTORY = {name: [1.0, 2.0] for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")}
HISTORY["epoch"] = [1, 2]


def names(count: int) -> list[str]:
    return [f"class number {index}" for index in range(count)]


def matrix(count: int) -> np.ndarray:
    return np.eye(count) * 0.9 + 0.1 / count


def draw(figure: Figure) -> np.ndarray:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return np.asarray(Image.open(content).convert("L"))


def figures(classes: int) -> dict[str, Figure]:
    images = np.random.default_rng(0).integers(0, 256, (3 * classes, 8, 8, 3), np.uint8)
    return {
        "samples": plots.samples(images, np.arange(3 * classes) % classes, names(classes)),
        "learning_curves": curves.learning_curves(HISTORY),
        "compare_curves": curves.compare_curves({"a": HISTORY, "b": HISTORY}),
        "recall": plots.compare_recall({"a": matrix(classes)[0], "b": matrix(classes)[1]}, names(classes)),
        "confusion": plots.confusion(np.round(matrix(classes) * 100), matrix(classes), names(classes)),
        "confusions": plots.compare_confusions(dict.fromkeys("abcd", matrix(classes)), names(classes)),
    }


@pytest.mark.parametrize("classes", [2, 10, 25])
def test_nothing_is_clipped_at_the_edges(classes: int) -> None:
    for name, figure in figures(classes).items():
        picture = draw(figure)
        edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
        assert all(edge.min() == 255 for edge in edges), name
        assert picture.min() < 100, name


def test_confusion_shows_every_count() -> None:
    figure = plots.confusion(np.array([[7, 0], [3, 5]]), np.array([[1.0, 0], [0.375, 0.625]]), ["a", "b"])
    counts, shares = ([text.get_text() for text in axes.texts] for axes in figure.axes)
    assert counts == ["7", "·", "3", "5"]
    assert shares == ["100.0", "·", "37.5", "62.5"]


def test_epochs_are_whole_numbers() -> None:
    figure = curves.learning_curves(HISTORY)
    figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in figure.axes[0].get_xticks())
