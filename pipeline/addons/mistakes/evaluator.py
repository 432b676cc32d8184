"""Draws the mistakes of one training."""

from pipeline.addons.mistakes import figure, ranking
from pipeline.evaluation.extending import Drawn, Findings, Subject


def evaluate(subject: Subject) -> Findings:
    """Draw the misclassified test images, those of the greatest confidence first."""
    wrong = ranking.most_confident(subject.test.labels, subject.test.probabilities, subject.class_names)
    drawn = figure.mistakes(subject.images, wrong, subject.class_names)
    return Findings(figures={"mistakes": Drawn("Its most confident mistakes", drawn)})
