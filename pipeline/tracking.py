"""Commands that bring MLflow's runs and the bytes on disk together: `python -m pipeline.tracking sync` and `find`.

`sync` sends what a lost server or a killed process left unsent, and makes the run of every model on disk that has none.
`find REVISION` lists the runs that belong to a git revision's dvc.lock, `find RUN` the revisions that hold its bytes.
"""

import argparse
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import errors, files, fingerprint, journal, metrics, params, runs
from pipeline.errors import InputError
from pipeline.schema import Params

LOCK = Path("dvc.lock")


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(
        "python -m pipeline.tracking", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sync", help="make the store complete for what is on disk")
    find = commands.add_parser("find", help="list a git revision's runs, or a run's revisions")
    find.add_argument("name", metavar="REVISION|RUN")
    given = parser.parse_args()
    print(reaching(sync) if given.command == "sync" else reaching(lambda: find_either(given.name)))


def sync() -> str:
    """Send all that the store lacks, and say how much that was."""
    from pipeline import store

    journal.close_dead()
    client, settings = store.connect(), params.load()
    for name in settings.models:
        entries = entries_of(name)
        whole = all(path.is_file() and fingerprint.md5(path) == md5 for path, md5 in data_of(entries))
        if entries and whole and not store.holds(client, settings.fetch.dataset_name, fingerprint.of_entry(entries[0])):
            _append(settings, name, entries)
    count = store.push_all()
    return f"completed at {journal.address()}: {count}" if count else f"nothing was missing at {journal.address()}"


def find_either(name: str) -> str:
    """List the revisions of a run if `name` is a run's id, else the runs of a git revision, a line each."""
    from pipeline import store

    client = store.connect()
    if re.fullmatch("[0-9a-f]{32}", name):
        wanted = client.get_run(name).data.tags.get("fingerprint")
        held = [revision for revision, trainings in _revisions().items() if wanted in trainings.values()]
        return _git("show", "--no-patch", "--format=%h %cs %s", *held) if held else f"no revision holds {name}"
    lock = files.parse_yaml(_git("show", f"{name}:dvc.lock"), f"{name}:dvc.lock")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    lines = []
    for model, wanted in _trainings(lock).items():
        found = client.search_runs(experiments, f"tags.fingerprint = '{wanted}'")
        lines += [f"{model}  {run.info.run_id}  {run.info.status}" for run in found] or [f"{model}  no run"]
    return "\n".join(lines)


def reaching(command: Callable[[], str]) -> str:
    """Call a command that needs the store; one that fails or does not answer is an `InputError`."""
    from mlflow.exceptions import MlflowException

    from pipeline import store

    try:
        return command()
    except MlflowException as error:
        raise InputError(
            f"MLflow at {journal.address()}: {store.reason(error):.200}: try again once it answers"
        ) from None


def entries_of(name: str) -> list[dict[str, Any]]:
    """Return dvc.lock's entries of train and evaluate for a model, or none if one of them never ran."""
    stages = files.read_yaml(LOCK)["stages"] if LOCK.exists() else {}
    wanted = [f"train@{name}", f"evaluate@{name}"]
    return [stages[stage] for stage in wanted] if stages.keys() >= set(wanted) else []


def data_of(entries: list[dict[str, Any]]) -> list[tuple[Path, str]]:
    """List what the entries' stages read and made, code aside, with the MD5 that each must have."""
    listed = [item for entry in entries for item in (*entry["deps"], *entry["outs"])]
    return [(Path(item["path"]), item["md5"]) for item in listed if not item["path"].startswith("pipeline/")]


def _append(settings: Params, name: str, entries: list[dict[str, Any]]) -> None:
    from pipeline import store

    paths = {path.name: path for path, _ in data_of(entries)}
    train = files.read_labelled(paths["train.npz"])
    data = store.dataset(settings.fetch.dataset_name, paths["train.npz"], train)
    with journal.appended(runs.facts(settings, name, fingerprint.of_entry(entries[0]), data)) as record:
        record.log_history(files.read_csv(paths["history.csv"]))
        reports = [path for path in paths.values() if path.parts[0] == "reports"]
        record.attach_training(paths[f"{name}.keras"], train[0], reports)
        record.log_scores(metrics.loggable(files.read_json(paths["metrics.json"])))


def _trainings(lock: dict[str, Any]) -> dict[str, str]:
    entries = {stage.partition("@")[2]: entry for stage, entry in lock["stages"].items() if stage.startswith("train@")}
    return {model: fingerprint.of_entry(entry) for model, entry in entries.items()}


def _revisions() -> dict[str, dict[str, str]]:
    """Return the trainings in dvc.lock of every commit, DVC's experiments among them; each content is read once."""
    known: dict[str, dict[str, str]] = {}
    found = {}
    for revision in _git("rev-list", "--all").split():
        listed = _git("ls-tree", revision, "dvc.lock").split()
        if listed:
            blob = listed[2]
            if blob not in known:
                known[blob] = _trainings(files.parse_yaml(_git("cat-file", "blob", blob), f"{revision}:dvc.lock"))
            found[revision] = known[blob]
    return found


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)  # noqa: S603, S607
    if done.returncode:
        raise InputError(f"git {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


if __name__ == "__main__":
    errors.run(main)
