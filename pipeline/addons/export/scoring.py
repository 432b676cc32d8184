"""What an exported network is worth beside Keras's: its answers, its bytes, its time."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.addons.export.conversion.formats import Network
from pipeline.evaluation import metrics, significance

BATCH = 250
TIMED = 500  # images at most, for images a second
CALLS = 50  # for the seconds of one image
Predict = Callable[[np.ndarray], np.ndarray]  # probabilities, float32 of (n, classes), for uint8 images


def predictions(predict: Predict, images: np.ndarray) -> np.ndarray:
    """Return the probabilities of images, float32 of (n, classes), batch by batch."""
    return np.concatenate([predict(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


def scores(labels: np.ndarray, probabilities: np.ndarray, of_keras: np.ndarray, size: int) -> dict[str, Any]:
    """Return accuracy, `bytes`, and how the answers, (n, classes), differ from Keras's; `p_value` is McNemar's."""
    predicted, expected = probabilities.argmax(axis=1), of_keras.argmax(axis=1)
    difference = significance.difference((predicted == labels)[None], (expected == labels)[None])
    return {
        "accuracy": round(float(np.mean(predicted == labels)), metrics.DECIMALS),
        "changed_classes": int(np.sum(predicted != expected)),
        "greatest_difference": float(f"{np.abs(probabilities - of_keras).max():.2g}"),
        "p_value": round(difference.p_value, metrics.DECIMALS),
        "bytes": size,
    }


def times(open_with: Callable[[int], Network], images: np.ndarray) -> dict[str, float]:
    """Measure the seconds of one image with one thread, and images a second with one and with two."""
    one, two = open_with(1).predict, open_with(2).predict
    return {
        "seconds_per_image": seconds_per_image(one, images),
        "images_per_second_1": images_per_second(one, images),
        "images_per_second_2": images_per_second(two, images),
    }


def times_of_tensorflow(predict: Predict, images: np.ndarray) -> dict[str, float]:
    """Measure the same of what TensorFlow runs, with the threads that it has."""
    return {
        "seconds_per_image": seconds_per_image(predict, images),
        "images_per_second": images_per_second(predict, images),
    }


def seconds_per_image(predict: Predict, images: np.ndarray) -> float:
    """Measure what one image takes, alone: the median, after a few calls that do not count."""
    return float(np.median([_seconds(predict, images[:1]) for _ in range(CALLS)][CALLS // 10 :]))


def images_per_second(predict: Predict, images: np.ndarray) -> float:
    """Measure how many images a second a network predicts, in batches, by the fastest of three times."""
    images = images[:TIMED]
    return len(images) / min(_seconds(lambda given: predictions(predict, given), images) for _ in range(3))


def _seconds(predict: Predict, images: np.ndarray) -> float:
    started = time.perf_counter()
    predict(images)
    return time.perf_counter() - started
