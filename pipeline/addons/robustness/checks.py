"""What the gate can ask of accuracy on corrupted images."""

from pipeline.config.schema import Params


def metric_names(params: Params) -> list[str]:
    """Return the mean accuracy over all corruptions, which metrics.json has where it is measured."""
    return ["test.robust_accuracy"] if params.section("robustness").images else []
