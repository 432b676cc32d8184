"""Scores a network on corrupted test images."""

from functools import partial

from pipeline.addons.robustness import corruptions
from pipeline.data import choosing
from pipeline.evaluation.extending import Findings, Subject


def evaluate(subject: Subject) -> Findings:
    """Return the accuracies on so many test images as params.yaml says, and `robust_accuracy`, their mean."""
    from pipeline.network import training  # here, so that the report needs no TensorFlow

    chosen = choosing.spread(len(subject.images), subject.params.section("robustness").images)
    if not len(chosen):
        return Findings()
    predict = partial(training.predict, subject.model)
    table = corruptions.robustness(predict, subject.images[chosen], subject.test.labels[chosen])
    return Findings({"robust_accuracy": float(table["accuracy"].mean())}, {"robustness": table})
