"""Tell whether what the service sees is like the test split: `python -m pipeline drift LOG`, exit 1 if it is not.

LOG is what `python -m pipeline serve --observe LOG` writes. Exit 2 where nothing can tell: the model that answered last
is not in dvc.lock, or has not met enough pictures.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from pipeline.addons.drift import observations
from pipeline.addons.drift.observations import PIXELS, Observed
from pipeline.base import files, tables
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.data import arrays
from pipeline.evaluation import records, significance
from pipeline.tracking import fingerprints, paths
from pipeline.tracking.lock import LOCK

FEWEST = 20  # pictures, below which even another world may go unnoticed
LEVEL = 0.01  # how often pictures like the test split's raise an alarm, at most


def main() -> None:
    """Print a table of what the model that answered last has met, against the test split, and how much has moved."""
    parser = argparse.ArgumentParser("python -m pipeline drift", description=__doc__)
    parser.add_argument("log", metavar="LOG", type=Path, help="a file of observations")
    log = parser.parse_args().log
    classes = files.read_json(paths.DATASET)["class_names"]
    fingerprint, seen = observations.read(log, len(classes))
    training, count = _training(log, fingerprint), len(seen["brightness"])
    if count < FEWEST:
        raise InputError(f"{log}: {count} pictures of {training.name} tell nothing yet: {FEWEST} at least are needed")
    images, _ = arrays.read(paths.TEST)
    evaluation = records.from_arrays(files.read_arrays(paths.evaluation(training)))
    compared = compare(observations.observe(images, evaluation.test.probabilities), seen, classes)
    print(f"{training.name}: {count:,} pictures against the test split\n\n{tables.for_terminal(compared)}\n")
    print(f"{moved(compared)} of {len(compared)} numbers have moved beyond chance, by a p-value below {LEVEL}")
    sys.exit(int(moved(compared) > 0))


def compare(test: Observed, seen: Observed, class_names: Sequence[str]) -> pd.DataFrame:
    """Tabulate what is noted of images, the test split's against those seen, what has moved furthest first.

    Of each number: both means, the KS distance (0 the same, 1 nothing in common), and the p-value among all tests.
    Rabanser et al. ("Failing Loudly", 2019) found that of many tests this one, a Kolmogorov–Smirnov test of each of the
    network's probabilities (Lipton et al. 2018), notices most shifts with few pictures.
    """
    before, now = _numbers(test, class_names), _numbers(seen, class_names)
    found = stats.ks_2samp(before, now, method="asymp")
    table = pd.DataFrame({"test split": before.mean(), "seen": now.mean(), "distance": found.statistic})
    table["p-value"] = significance.holm(found.pvalue)
    table = table.rename_axis("what").reset_index()
    return table.sort_values("distance", ascending=False, kind="stable", ignore_index=True)


def moved(compared: pd.DataFrame) -> int:
    """Count the numbers that differ by more than chance."""
    return int((compared["p-value"] < LEVEL).sum())


def _numbers(observed: Observed, class_names: Sequence[str]) -> pd.DataFrame:
    probabilities = observed["probabilities"].astype(np.float64).round(4)  # as the log has them
    numbers = pd.DataFrame({name: observed[name].round(2) for name in PIXELS})
    numbers["confidence"] = probabilities.max(axis=1)
    numbers[[f"probability of {name}" for name in class_names]] = probabilities
    return numbers


def _training(log: Path, fingerprint: str) -> Training:
    for training in loading.load().trainings:
        if fingerprints.recorded(f"train@{training.name}") == fingerprint:
            return training
    raise InputError(
        f"{log}: the model that answered last (fingerprint {fingerprint[:12]}) is not in {LOCK}: promote one that is, "
        "or check out the commit of its run in MLflow (`python -m pipeline registry show` names it), and `dvc checkout`"
    )
