"""Tell whether what the service sees is like the test split: `python -m pipeline drift LOG`, exit 1 if it is not.

LOG is what `python -m pipeline serve --observe LOG` writes. Exit 2 where nothing can tell: the model that answered last
is not in dvc.lock, or has not met enough pictures.
"""

import argparse
import sys
from pathlib import Path

from pipeline.addons.drift import changes, observations
from pipeline.addons.drift.observations import Observed
from pipeline.base import files, tables
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.data import arrays
from pipeline.evaluation import records
from pipeline.tracking import fingerprints, paths
from pipeline.tracking.lock import LOCK

FEWEST = 20  # pictures, below which even another world may go unnoticed


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
    compared = changes.compare(of_test(training), seen, classes)
    moved = changes.moved(compared)
    print(f"{training.name}: {count:,} pictures against the test split\n\n{tables.for_terminal(compared)}\n")
    print(f"{moved} of {len(compared)} numbers have moved beyond chance, by a p-value below {changes.LEVEL}")
    sys.exit(int(moved > 0))


def of_test(training: Training) -> Observed:
    """Return what is noted of the test images, and of a training's answers."""
    images, _ = arrays.read(paths.TEST)
    evaluation = records.from_arrays(files.read_arrays(paths.evaluation(training)))
    return observations.observe(images, evaluation.test.probabilities)


def _training(log: Path, fingerprint: str) -> Training:
    for training in loading.load().trainings:
        if fingerprints.recorded(f"train@{training.name}") == fingerprint:
            return training
    raise InputError(
        f"{log}: the model that answered last (fingerprint {fingerprint[:12]}) is not in {LOCK}: promote one that is, "
        "or check out the commit that `python -m pipeline registry show` names for it, and run `dvc checkout`"
    )
