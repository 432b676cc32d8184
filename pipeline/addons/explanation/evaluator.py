"""Draws what a network makes of images and where it looks."""

import numpy as np

from pipeline.addons.explanation import figure, maps
from pipeline.evaluation.extending import Drawn, Findings, Subject
from pipeline.evaluation.records import Predictions

EXPLAINED = 4  # right and wrong images each, the most confident


def evaluate(subject: Subject) -> Findings:
    """Draw feature maps and Grad-CAM."""
    model, images, names = subject.model, subject.images, subject.class_names
    labels, predicted = subject.test.labels, subject.test.probabilities.argmax(axis=1)
    chosen = most_confident(subject.test)
    captions = [f"{number}: {names[labels[number]]}\nas {names[predicted[number]]}" for number in chosen]
    heat = maps.heat(model, images[chosen], predicted[chosen])
    figures = {
        "features": Drawn(
            "What each block makes of a test image", figure.features(images[0], maps.features(model, images[0]))
        ),
        "gradcam": Drawn(
            "What speaks for its most confident right and wrong answers (Grad-CAM)",
            figure.heat(images[chosen], heat, captions),
        ),
    }
    return Findings(figures=figures)


def most_confident(test: Predictions) -> np.ndarray:
    """Return the numbers of the images that are right, then wrong, with the greatest probability, four of each."""
    right = test.labels == test.probabilities.argmax(axis=1)
    order = np.argsort(-test.probabilities.max(axis=1), kind="stable")
    return np.concatenate([order[right[order]][:EXPLAINED], order[~right[order]][:EXPLAINED]])
