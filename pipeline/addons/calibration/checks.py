"""What the gate can ask of calibration."""

from pipeline.config.schema import Params


def metric_names(params: Params) -> list[str]:
    """Return the name of the expected calibration error, which metrics.json has."""
    return ["test.calibration_error"]
