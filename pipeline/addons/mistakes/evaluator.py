"""Draws the mistakes of one training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.addons.galleries import galleries
from pipeline.addons.galleries.galleries import SHOWN
from pipeline.addons.mistakes import ranking
from pipeline.evaluation.extending import Drawn, Findings, Subject

CAPTION = "true: {label}\npredicted: {prediction}\n{probability:.4f}, image {image}"


def evaluate(subject: Subject) -> Findings:
    """Draw the misclassified test images, those of the greatest confidence first."""
    wrong = ranking.most_confident(subject.test.labels, subject.test.probabilities, subject.class_names)
    figure = draw(subject.images, wrong, subject.class_names)
    return Findings(figures={"mistakes": Drawn("Its most confident mistakes", figure)})


def draw(images: np.ndarray, table: pd.DataFrame, class_names: Sequence[str]) -> Figure:
    """Show the images of a table of all mistakes with `image`, `label`, `prediction` and `probability`."""
    title = f"None of the {len(images):,} test images is misclassified."
    if len(table):
        which = "All of them" if len(table) <= SHOWN else f"The {SHOWN} most confident"
        title = f"{len(table):,} of {len(images):,} test images are misclassified.\n"
        title += f"{which}, with the wrong class's probability:"
    captions = galleries.captions_of(table, CAPTION, class_names)
    return galleries.captioned(title, images[table["image"][:SHOWN]], captions)
