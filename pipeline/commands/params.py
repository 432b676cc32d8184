"""Check a params file: `python -m pipeline params [FILE]`, params.yaml if none is named."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.addons.export import settings as exports
from pipeline.base import errors
from pipeline.commands.gate import BY_CLASS
from pipeline.config import loading, network_fits
from pipeline.config.schema import Params
from pipeline.config.section import leaves
from pipeline.data import datasets
from pipeline.tracking import timing


def main() -> None:
    """Say how many models the file has, or what is wrong with it."""
    parser = argparse.ArgumentParser("python -m pipeline params", description=__doc__)
    parser.add_argument(
        "file", metavar="FILE", nargs="?", type=Path, default=loading.PARAMS_FILE, help="params.yaml if left out"
    )
    path: Path = parser.parse_args().file
    params = loading.load(path)
    if shape := datasets.image_shape(params.fetch):
        network_fits.check_networks(params, shape)
    check_limits(params, str(path))
    print(f"{path}: {len(params.models)} models, nothing wrong: {', '.join(params.models)}")


def check_limits(params: Params, source: str) -> None:
    """Raise `InputError` for a limit of the gate on a metric that no evaluation has; messages begin with `source`."""
    limited = dict.fromkeys(name for model in params.models for name in params.gate_of(model).metrics)
    known = [*metric_names(), *export_metric_names(params.section("export"))] if limited else []
    for name in limited:
        if name not in known and not name.startswith(tuple(f"test.{score}." for score in BY_CLASS)):
            raise errors.InputError(f"{source}: gate: {errors.unknown_key(name, known)}")


def metric_names() -> list[str]:
    """List the metrics that an evaluation may have, as one of two images has them, but for those of each class."""
    from pipeline.evaluation import records  # here: SciPy takes a while

    right = records.Predictions(np.arange(2), np.eye(2, dtype=np.float32))
    spoilt = pd.DataFrame({"accuracy": [1.0]})
    splits = dict.fromkeys(records.SPLITS, right)
    evaluation = records.Evaluation(["a", "b"], 0, 0, pd.DataFrame(), splits, right.probabilities, spoilt)
    scores = evaluation.scores | {"together": records.together_scores([evaluation])}
    return [*dict(leaves(scores)), f"test.{timing.SECONDS}"]


def export_metric_names(export: exports.Settings) -> list[str]:
    """List the metrics that exported networks have, of each format that is asked for."""
    formats = export.formats if export.models else []
    return [f"exports.{name}.{figure}" for name in formats for figure in (*exports.FIGURES, *exports.TIMES)]
