"""Commands for MLflow's runs: `python -m pipeline tracking sync`, `find` and `views`.

`sync` sends what a lost server or a killed process left unsent, and makes the run of a training on disk that has none.
`find REVISION` lists the runs that belong to a git revision's dvc.lock, `find RUN` the revisions that hold its bytes.
"""

import argparse
import re
import sys
from functools import cache

from pipeline import addons
from pipeline.base import files, tables
from pipeline.config import loading
from pipeline.config.schema import Params, Training
from pipeline.data import arrays
from pipeline.evaluation import records
from pipeline.tracking import (
    description,
    fingerprints,
    git,
    journal,
    location,
    lock,
    paths,
    sending,
    server,
    stale,
    views,
)
from pipeline.tracking.lock import LOCK, StageLock


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(
        "python -m pipeline tracking", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sync", help="make the store complete for what is on disk")
    finding = commands.add_parser("find", help="list a git revision's runs, or a run's revisions")
    finding.add_argument("name", metavar="REVISION|RUN")
    commands.add_parser("views", help="print the address of each experiment's table of runs")
    given = parser.parse_args()
    with server.errors_in_one_line():
        if given.command == "find":
            print(find(given.name))
        else:
            print(sync() if given.command == "sync" else addresses())


def sync() -> str:
    """Send all that the store lacks, and say how much that was."""
    journal.close_dead()
    client, params = server.connect(), loading.load()
    dataset = params.fetch.dataset_name
    for training in params.trainings:
        train, evaluate = stale.on_disk(f"train@{training.name}"), stale.on_disk(f"evaluate@{training.name}")
        if train and evaluate and not sending.holds(client, dataset, fingerprints.of_stage_lock(train)):
            _append(params, training, train, evaluate)
    count = sending.push_all()
    runs = f"{count} run" + "s" * (count != 1)
    return f"completed at {location.address()}: {runs}" if count else f"nothing was missing at {location.address()}"


def find(name: str) -> str:
    """List the revisions of a run if `name` is a run's id, else the runs of a git revision, a line each."""
    client = server.connect()
    if re.fullmatch("[0-9a-f]{32}", name):
        fingerprint = client.get_run(name).data.tags.get("fingerprint")
        held = [revision for revision, trainings in _revisions().items() if fingerprint in trainings.values()]
        return git.ask("show", "--no-patch", "--format=%h %cs %s", *held) if held else f"no revision holds {name}"
    stages = lock.parse(git.ask("show", "--end-of-options", f"{name}:{LOCK}"), f"{name}:{LOCK}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    lines = []
    for training, fingerprint in _fingerprints(stages).items():
        found = client.search_runs(experiments, f"tags.fingerprint = '{fingerprint}'")
        lines += [f"{training}  {run.info.run_id}  {run.info.status}" for run in found] or [f"{training}  no run"]
    return "\n".join(lines)


def addresses() -> str:
    """List where each experiment's runs are seen in a browser, a line each."""
    found = [
        experiment for experiment in server.connect().search_experiments() if views.TAG + views.FIRST in experiment.tags
    ]
    lines = [f"{experiment.name}: {views.address(location.page(), experiment.experiment_id)}" for experiment in found]
    remedy = server.SYNC if paths.anything_trained() else "`dvc repro` makes them"
    return "\n".join(lines) or f"no runs at {location.address()}: {remedy}"


def _append(params: Params, training: Training, train: StageLock, evaluate: StageLock) -> None:
    """Make the journal of a training that the store lacks from what is on disk, if params.yaml is as it was then."""
    changes = dict.fromkeys(change for found in stale.changes([train.name, evaluate.name]).values() for change in found)
    if edited := [change for change in changes if change.startswith(stale.PARAMS)]:
        print(
            f"warning: {', '.join(edited)} changed since {training.name} was evaluated: no run is made", file=sys.stderr
        )
        return
    named = {path.name: path for path in train.data() | evaluate.data()}
    labelled = arrays.read(named["train"])
    data = sending.dataset(params.fetch.dataset_name, named["train"], labelled)
    described = description.of_training(params, training, fingerprints.of_stage_lock(train), data)
    with journal.appended(described) as record:
        record.log_history(tables.read_csv(named["history.csv"]))
        reports = [path for path in named.values() if path.parts[0] == "reports"]
        record.attach_training(named[f"{training.name}.keras"], labelled[0], reports)
        evaluation = records.from_arrays(files.read_arrays(named[f"{training.name}.npz"]))
        record.log_metrics(evaluation.scores)
        for restore in addons.functions("run", "restore"):
            restore(record, training)


def _fingerprints(stages: dict[str, StageLock]) -> dict[str, str]:
    """Return the fingerprint of each training by its name."""
    trainings = {name.partition("@")[2]: stage for name, stage in stages.items() if name.startswith("train@")}
    return {name: fingerprints.of_stage_lock(stage) for name, stage in trainings.items()}


def _revisions() -> dict[str, dict[str, str]]:
    """Return the fingerprints in dvc.lock of every commit, DVC's experiments among them."""
    listed = {
        revision: git.ask("ls-tree", revision, str(LOCK)).split() for revision in git.ask("rev-list", "--all").split()
    }
    return {revision: _of_blob(entry[2]) for revision, entry in listed.items() if entry}


@cache
def _of_blob(name: str) -> dict[str, str]:
    return _fingerprints(lock.parse(git.ask("cat-file", "blob", name), f"{LOCK}, git's blob {name}"))
