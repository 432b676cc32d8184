"""Tell whether what the service sees is like the test split: `python -m pipeline drift LOG`, exit 1 if it is not.

LOG is what `python -m pipeline serve --observe LOG` writes. Exit 2 where nothing can tell: the model that answered last
is not in dvc.lock.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from pipeline.addons.drift import changes, observations
from pipeline.addons.drift.changes import Change
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
MOST = 5  # changes told in words


def main() -> None:
    """Print a table for each training that has answered, and in words what has moved.

    Raise `InputError` where dvc.lock has not got the one that answered last.
    """
    parser = argparse.ArgumentParser("python -m pipeline drift", description=__doc__)
    parser.add_argument("log", metavar="LOG", type=Path, help="a file of observations")
    log = parser.parse_args().log
    trainings = {fingerprints.recorded(f"train@{found.name}"): found for found in loading.load().trainings}
    classes = files.read_json(paths.DATASET)["class_names"]
    moved, noted = False, observations.read(log, len(classes))
    for fingerprint, seen in noted.items():
        training, pictures = trainings.get(fingerprint), len(seen["brightness"])
        if not training:
            print(f"{pictures:,} pictures met a model that dvc.lock has no more (fingerprint {fingerprint[:12]})\n")
        elif pictures < FEWEST:
            print(f"{training.name}: {pictures} pictures tell nothing yet: {FEWEST} at least\n")
        else:
            found = changes.compare(of_test(training), seen, classes)
            print(f"{training.name}: {pictures:,} pictures against the test split\n\n{as_table(found)}\n")
            moved |= any(change.moved for change in found)
            print(as_words(found), end="\n\n")
    if (last := [*noted][-1]) not in trainings:
        raise InputError(
            f"{log}: the model that answered last (fingerprint {last[:12]}) is not in {LOCK}: promote one that is, "
            "or check out the commit that `python -m pipeline registry show` names for it, and run `dvc checkout`"
        )
    sys.exit(int(moved))


def of_test(training: Training) -> Observed:
    """Return what is noted of the test images, and of a training's answers."""
    images, _ = arrays.read(paths.TEST)
    evaluation = records.from_arrays(files.read_arrays(paths.evaluation(training)))
    return observations.observe(images, evaluation.test.probabilities)


def as_table(found: list[Change]) -> str:
    """Tabulate changes, the greatest first."""
    columns = ["what", "test split", "seen", "distance", "p-value"]
    return tables.for_terminal(pd.DataFrame([tuple(change) for change in found], columns=columns))


def as_words(found: list[Change]) -> str:
    """Say what has moved."""
    moved = [change for change in found if change.moved]
    if not moved:
        return "nothing has moved beyond chance"
    lines = [f"- {changes.in_words(change)}" for change in moved[:MOST]]
    return "\n".join([f"{len(moved)} of {len(found)} numbers have moved beyond chance, these furthest:", *lines])
