import numpy as np
import pytest

from pipeline.figures import gallery, png
from tests.pictures import is_whole, shown

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (24, 96, 3), (96, 96, 3)]


def names(count: int) -> list[str]:
    return [f"class number {index}" for index in range(count)]


def predicted(count: int, shape: tuple[int, int, int], classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make images, labels and probabilities of which about half are right."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, *shape), np.uint8)
    labels = random.integers(0, classes, count)
    probabilities = random.dirichlet(np.full(classes, 0.3), count)
    probabilities[np.arange(0, count, 2), labels[::2]] += 2
    return images, labels, (probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("classes", [2, 200])
def test_nothing_is_clipped_at_the_edges(shape: tuple[int, int, int], classes: int) -> None:
    images, labels, probabilities = predicted(400, shape, classes)
    for name, figure in {
        "augmented": gallery.augmented(images[0], images[:100]),
        "alone": gallery.augmented(images[0], None),
        "prediction": gallery.prediction(images, labels, probabilities, names(classes)),
    }.items():
        assert is_whole(figure), name


@pytest.mark.parametrize("classes", [2, 10, 25])
def test_samples_are_not_clipped(classes: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3 * classes, 8, 8, 3), np.uint8)
    assert is_whole(gallery.samples(images, np.arange(3 * classes) % classes, names(classes)))


def test_samples_of_many_classes_are_fewer_of_each() -> None:
    images = np.arange(200 * 20, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(8, 1).repeat(8, 2)
    (mosaic,) = shown(gallery.samples(images, np.arange(len(images)) % 200, names(200)))
    assert mosaic.reshape(200, -1).shape == (20 * 10, 6 * 10)


def test_samples_in_colour_stay_small() -> None:
    images = np.random.default_rng(0).integers(0, 256, (240, 32, 32, 3), np.uint8)
    assert len(png.encode(gallery.samples(images, np.arange(240) % 20, names(20)))) < 400_000


def test_augmentations_are_in_rows_dark_on_white() -> None:
    changed = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1).repeat(28, 1).repeat(28, 2)
    original, mosaic = shown(gallery.augmented(changed[7], changed))
    assert np.unique(original) == 255 - 7
    cells = mosaic.reshape(10, 30, 10, 30)[:, 1:-1, :, 1:-1]
    assert np.array_equal(cells[:, 0, :, 0].ravel(), 255 - np.arange(100))
    assert (cells == cells[:, :1, :, :1]).all()


def test_colours_are_shown_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(shown(gallery.augmented(image, None))[0], image)


def test_prediction_is_of_the_least_sure_image_that_is_right() -> None:
    probabilities = np.array([[0.9, 0.1, 0], [0.4, 0.35, 0.25], [0.34, 0.33, 0.33], [0.2, 0.6, 0.2]])
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    figure = gallery.prediction(images, np.array([0, 0, 2, 1]), probabilities, ["a", "b", "c"])
    left, right = figure.axes
    assert left.get_title(loc="left") == "true: a\npredicted: a"
    assert "Test image 1: of all that the model gets right" in figure.get_suptitle()
    assert np.array_equal(np.asarray(left.images[0].get_array()).squeeze(), 255 - images[1, ..., 0])
    assert [bar.get_width() for bar in right.patches] == [0.4, 0.35, 0.25]  # type: ignore[attr-defined]


def test_prediction_says_so_where_none_is_right() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]])
    figure = gallery.prediction(np.zeros((2, 8, 8, 1), np.uint8), np.array([1, 1]), probabilities, ["a", "b"])
    assert figure.axes[0].get_title(loc="left") == "true: b\npredicted: a"
    assert "Test image 1: of all that the model sees, none of them right" in figure.get_suptitle()


@pytest.mark.parametrize(("count", "classes", "channels"), [(1, 3, 1), (5, 10, 3), (12, 25, 1)])
def test_predictions_show_images_titles_and_the_most_probable_classes(count: int, classes: int, channels: int) -> None:
    titles = [f"a rather long name, for $a_ {'long ' * index}$ picture.png" for index in range(count)]
    images, _, probabilities = predicted(count, (28, 28, channels), classes)
    figure = gallery.predictions(titles, images, probabilities, names(classes))
    assert is_whole(figure)
    left, right = figure.axes[0], figure.axes[1]
    assert np.array_equal(np.asarray(left.images[0].get_array()).reshape(images[0].shape), images[0])
    bars = [bar.get_width() for bar in right.patches]  # type: ignore[attr-defined]
    assert bars == sorted(probabilities[0], reverse=True)[:10]
    assert right.get_yticklabels()[0].get_text() == names(classes)[int(probabilities[0].argmax())]
