"""Check a params file: `python -m pipeline params [FILE]`, params.yaml if none is named."""

import argparse
from pathlib import Path

from pipeline import addons
from pipeline.base import errors
from pipeline.commands.gate import BY_CLASS
from pipeline.config import loading, network_fits
from pipeline.config.schema import Params
from pipeline.data import datasets

METRICS = (  # of an evaluation, those of each class aside; a test holds them to it
    *(f"{split}.{name}" for split in ("train", "validation", "test") for name in ("accuracy", "loss")),
    *("test.top_2_accuracy", "test.macro_precision", "test.macro_recall", "test.macro_f1"),
    *("parameters", "model_bytes"),
)


def main() -> None:
    """Say how many models the file has, or what is wrong with it."""
    parser = argparse.ArgumentParser("python -m pipeline params", description=__doc__)
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, default=loading.PARAMS_FILE)
    path: Path = parser.parse_args().file
    params = loading.load(path)
    if shape := datasets.image_shape(params.fetch):
        network_fits.check_networks(params, shape)
    check_limits(params, str(path))
    print(f"{path}: {len(params.models)} models, nothing wrong: {', '.join(params.models)}")


def check_limits(params: Params, source: str) -> None:
    """Raise `InputError` for a limit of the gate on a metric that no evaluation has; messages begin with `source`."""
    limited = dict.fromkeys(name for model in params.models for name in params.gate_of(model).metrics)
    known = metric_names(params)
    for name in limited:
        if name not in known and not name.startswith(tuple(f"test.{metric}." for metric in BY_CLASS)):
            raise errors.InputError(f"{source}: gate: {errors.unknown_key(name, known)}")


def metric_names(params: Params) -> list[str]:
    """List the metrics that an evaluation may have, those that add-ons make among them, but not those of each class."""
    return [*METRICS, *(name for names in addons.functions("checks", "metric_names") for name in names(params))]
