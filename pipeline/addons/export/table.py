"""A training's exports as a table in Markdown."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from pipeline.base import tables

COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {  # of each figure: what it is called, how it is written
    "accuracy": ("test accuracy", "{:.4f}".format),
    "changed_classes": ("images that Keras classifies otherwise", "{:,}".format),
    "greatest_difference": ("greatest difference of a probability", "{:.1e}".format),
    "p_value": ("McNemar's p", "{:.2f}".format),
    "bytes": ("bytes", "{:,}".format),
    "seconds_per_image": ("ms for one image", lambda seconds: f"{1000 * seconds:.3f}"),
    "images_per_second_1": ("images a second, 1 thread", "{:,.0f}".format),
    "images_per_second_2": ("2 threads", "{:,.0f}".format),
    "images_per_second": ("TensorFlow's threads", "{:,.0f}".format),
}


def as_markdown(training: str, found: Mapping[str, Mapping[str, Any]], processor: str) -> str:
    """Write a row for each format with all that `found` has of it, its scores and its times on `processor`."""
    rows = [
        {
            "format": name,
            **{title: form(figures[key]) if key in figures else "–" for key, (title, form) in COLUMNS.items()},
        }
        for name, figures in found.items()
    ]
    return (
        f"# {training} as files for other runtimes\n\n{tables.as_markdown(pd.DataFrame(rows))}\n\n"
        f"Times were taken on {processor}, and are others each time. TensorFlow, which runs Keras and the "
        "SavedModel, has as many threads as there are processors. "
        "[What each format is for](../../pipeline/addons/export/README.md)\n\n"
        "![Accuracy against bytes and milliseconds](exports.png)\n"
    )
