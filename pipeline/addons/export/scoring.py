"""What an exported network is worth beside Keras's: its answers, its bytes, its time."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.base import processor, tables
from pipeline.evaluation import metrics

BATCH = 250
TIMED = 500  # images at most, for images a second
CALLS = 50  # for the seconds of one image
Predict = Callable[[np.ndarray], np.ndarray]  # probabilities, float32 of (n, classes), for uint8 images


def predictions(predict: Predict, images: np.ndarray) -> np.ndarray:
    """Return the probabilities of images, float32 of (n, classes), batch by batch."""
    return np.concatenate([predict(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


def scores(labels: np.ndarray, probabilities: np.ndarray, of_keras: np.ndarray, size: int) -> dict[str, Any]:
    """Return accuracy, `bytes`, and how the answers, (n, classes), differ from Keras's."""
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": round(float(np.mean(predicted == labels)), metrics.DECIMALS),
        "changed_classes": int(np.sum(predicted != of_keras.argmax(axis=1))),
        "greatest_difference": float(f"{np.abs(probabilities - of_keras).max():.2g}"),
        "bytes": size,
    }


def times(one: Predict, many: Predict, images: np.ndarray) -> dict[str, float]:
    """Measure the seconds of one image by `one`, the network with one thread, and images a second by `many`."""
    calls = [_seconds(one, images[:1]) for _ in range(CALLS)][CALLS // 10 :]  # the first are slower
    images = images[:TIMED]
    fastest = min(_seconds(lambda given: predictions(many, given), images) for _ in range(3))
    return {"seconds_per_image": float(np.median(calls)), "images_per_second": len(images) / fastest}


def as_markdown(training: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """Write a table with a row for each format, Keras among them, of its scores and its times."""
    rows = [
        {
            "format": name,
            "test accuracy": f"{figures['accuracy']:.4f}",
            "images that Keras classifies otherwise": f"{figures['changed_classes']:,}",
            "greatest difference of a probability": f"{figures['greatest_difference']:.1e}",
            "bytes": f"{figures['bytes']:,}",
            "ms for one image": f"{1000 * figures['seconds_per_image']:.3f}",
            "images a second": f"{figures['images_per_second']:,.0f}",
        }
        for name, figures in found.items()
    ]
    return (
        f"# {training} as files for other runtimes\n\n{tables.as_markdown(pd.DataFrame(rows))}\n\n"
        f"Times were measured on {processor.name()} and differ from run to run: one image with one thread, images a "
        f"second with {processor.threads()}; Keras always has {processor.threads()}. "
        "[What each format is for](../../pipeline/addons/export/README.md)\n"
    )


def _seconds(predict: Predict, images: np.ndarray) -> float:
    started = time.perf_counter()
    predict(images)
    return time.perf_counter() - started
