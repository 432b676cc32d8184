"""Make MLflow's runs complete: `python -m pipeline sync`.

It sends what a lost server or a killed process left unsent, and makes the run of a training on disk that has none.
"""

import argparse
from pathlib import Path

from pipeline import addons
from pipeline.base import files, tables
from pipeline.config import loading
from pipeline.config.schema import Params, Training
from pipeline.evaluation import metrics, records
from pipeline.tracking import description, fingerprints, journals, location, sending, server, stale
from pipeline.tracking.lock import StageLock


def main() -> None:
    """Say how many runs were sent."""
    argparse.ArgumentParser("python -m pipeline sync", description=__doc__).parse_args()
    with server.errors_in_one_line():
        print(sync())


def sync() -> str:
    """Send all that the store lacks, and say how much that was."""
    journals.close_dead()
    client, params = server.connect(), loading.load()
    dataset = params.fetch.dataset_name
    for training in params.trainings:
        train, evaluate = stale.on_disk(f"train@{training.name}"), stale.on_disk(f"evaluate@{training.name}")
        if train and evaluate and not sending.holds(client, dataset, fingerprints.of_stage_lock(train)):
            append(params, training, train, evaluate)
    count = sending.push_all()
    if not count:
        return f"nothing was missing at {location.address()}"
    return f"completed at {location.address()}: {count} {'run' if count == 1 else 'runs'}"


def append(params: Params, training: Training, train: StageLock, evaluate: StageLock) -> None:
    """Make the journal of a training that the store lacks from what is on disk."""
    named = {Path(path).name: Path(path) for path in train.outs | evaluate.outs}
    described = description.of_training(params, training, fingerprints.of_stage_lock(train))
    with journals.appended(described) as journal:
        journal.log_history(tables.read_csv(named["history.csv"]))
        reports = [path for path in named.values() if path.parts[0] == "reports"]
        journal.attach_training(named[f"{training.name}.keras"], reports)
        evaluation = records.from_arrays(files.read_arrays(named[f"{training.name}.npz"]))
        journal.log_metrics(metrics.loggable(evaluation.all_scores))
        for restore in addons.functions("run", "restore"):
            restore(journal, training)
