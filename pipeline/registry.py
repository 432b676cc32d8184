"""Which model is in use: one registered model for each dataset, its version in use by the alias `champion`.

`python -m pipeline.registry promote [--model NAME] [--force]`, `rollback`, `show`. The aliases move in one order, noted
in the store first: whenever a command is cut off, `champion` names a whole version, and the next command finishes.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from filelock import FileLock

from pipeline import errors, files, fingerprint, gate, journal, metrics, params, quiet, significance, store, tracking
from pipeline.errors import InputError
from pipeline.schema import Params

CHAMPION, PREVIOUS = "champion", "previous"
LEVEL = 0.05  # of McNemar's test
MOVING = "aliases.moving"  # tag of the registered model while its aliases move: where they go
PREPARED, EVALUATIONS = Path("data/prepared"), Path("data/evaluations")

Client = Any  # mlflow.MlflowClient, which has no types
Version = Any  # mlflow.entities.model_registry.ModelVersion


class Refused(Exception):  # noqa: N818  # no error: the rules say no
    """The rules keep a model from becoming champion; the message is one line."""


@dataclass(frozen=True)
class Candidate:
    """A model of params.yaml with its evaluation, its scores (as metrics.json), and the floors it is below."""

    name: str
    evaluation: files.Arrays
    scores: dict[str, Any]
    failed: list[str]


def connect() -> Client:
    """Return a client of the pipeline's store; raise `InputError` where there is none yet."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    if (database := journal.database()) and not database.is_file():
        raise InputError(f"{database} is missing: `dvc repro` makes it as it trains")
    return store.connect()


def champion(dataset: str) -> tuple[Any, list[str], str]:
    """Load a dataset's champion: the Keras model, the names of its classes, and which version it is, in words.

    Needs the store alone, no data. Raise `InputError` if there is no champion, or its files are gone.
    """
    version = _require_champion(connect(), dataset)
    return _load(version), json.loads(version.tags["class_names"]), describe(version)


def scoring_app(dataset: str) -> tuple[Any, tuple[int, ...], str]:
    """Return mlflow's scoring server (an ASGI app) of the champion, the shape of its images, and `describe`'s words.

    The shape is (height, width, channels). Raise `InputError` as `champion` does.
    """
    from mlflow.pyfunc import scoring_server  # here: only serving needs it

    version = _require_champion(connect(), dataset)
    model = _load(version, mlflow.pyfunc)
    (pixels,) = model.metadata.get_input_schema().inputs
    return scoring_server.init(model), tuple(pixels.shape[1:]), describe(version)


def describe(version: Version) -> str:
    """Say in words which version it is, as in `fashion_mnist version 2: vgg, test accuracy 0.9266`."""
    accuracy = float(version.tags["test.accuracy"])
    return f"{version.name} version {version.version}: {version.tags['model']}, test accuracy {accuracy:.4f}"


def promote(settings: Params, name: str | None = None, *, force: bool = False) -> str:
    """Make a model champion, the best of params.yaml unless named, and say in a line what was done.

    Raise `Refused` where the gate or the test images speak against it, unless forced, and `InputError` where its
    evaluation, its run or the store is missing.
    """
    candidate = choose(settings, name, force=force)
    dataset, identity = settings.fetch.dataset_name, fingerprint.of_lock(f"train@{candidate.name}")
    _require_current(candidate.name)
    with _alone():
        client = connect()
        _finish(client, dataset)
        now = _by_alias(client, dataset, CHAMPION)
        if now and now.tags.get("fingerprint") == identity:
            return f"already champion: {describe(now)}"
        run = _run(client, dataset, candidate.name, identity)
        if not force:
            _require_floors(candidate)
            if now:
                _require_better(candidate, now)
        version = _version(client, run, dataset, candidate, identity)
        _move(client, dataset, version.version, now and now.version)
    return f"champion: {describe(version)}" + (f" (before: version {now.version}, {now.tags['model']})" if now else "")


def rollback(dataset: str) -> str:
    """Swap champion and previous, so that a second rollback takes back the first, and say so in a line.

    A rollback that was cut off is finished, not done twice. Raise `InputError` if there is no previous one.
    """
    with _alone():
        client = connect()
        if not _finish(client, dataset):
            now, before = (_by_alias(client, dataset, alias) for alias in (CHAMPION, PREVIOUS))
            if not before:
                raise InputError(f"{dataset} has no previous champion to go back to: `show` lists what there is")
            _move(client, dataset, before.version, now and now.version)
        return f"champion: {describe(_require_champion(client, dataset))}"


def show(dataset: str) -> str:
    """Tabulate champion and previous: version, model, test accuracy, and 12 digits of fingerprint and git commit."""
    client, rows = connect(), [("", "version", "model", "test accuracy", "fingerprint", "git commit")]
    for alias in (CHAMPION, PREVIOUS):
        if version := _by_alias(client, dataset, alias):
            tags = version.tags
            short = [tags[key][:12] for key in ("fingerprint", "git.commit")]
            rows.append((alias, str(version.version), tags["model"], f"{float(tags['test.accuracy']):.4f}", *short))
    if len(rows) == 1:
        return f"{dataset} has no champion yet: `python -m pipeline.registry promote` makes one"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def choose(settings: Params, name: str | None, *, force: bool = False) -> Candidate:
    """Return the named model, or the one of highest validation accuracy among those that pass the gate (all if forced).

    The test split does not choose: its accuracy would then be the luckiest of several. Raise `Refused` if none passes.
    """
    if name:
        return _candidate(settings, name)
    evaluated = [key for key in settings.models if (EVALUATIONS / f"{key}.npz").exists()]
    if not evaluated:
        raise InputError(f"{EVALUATIONS} holds no model of params.yaml: `dvc repro` makes it")
    candidates = [_candidate(settings, key) for key in evaluated]
    passing = [candidate for candidate in candidates if force or not candidate.failed]
    if not passing:
        raise Refused("no model passes the gate: " + "; ".join(map(_failures, candidates)))
    if len(passing) == 1:
        return passing[0]
    if not all("validation" in candidate.scores for candidate in passing):
        raise InputError(
            "prepare.validation_fraction is 0, so no validation accuracy tells the best: give --model NAME"
        )
    return max(passing, key=lambda candidate: float(candidate.scores["validation"]["accuracy"]))


def _candidate(settings: Params, name: str) -> Candidate:
    model = settings.model(name)
    evaluation = files.read_arrays(EVALUATIONS / f"{name}.npz")
    scores = metrics.scores(evaluation)
    found = gate.checks(settings.model_copy(update={"models": {name: model}}), {name: scores})
    failed = [f"{metric} {value:.4f} < {floor:.4f}" for _, metric, value, floor in found if not value >= floor]
    return Candidate(name, evaluation, scores, failed)


def _require_current(name: str) -> None:
    """Raise `InputError` unless evaluation, model and test split on disk are those that dvc.lock tells of together."""
    entries = tracking.entries_of(name)
    current = [fingerprint.md5(path) == md5 for path, md5 in tracking.data_of(entries)]
    if not current or not all(current):
        raise InputError(f"the evaluation of {name} is not of the model and test split on disk: run `dvc repro`")


def _require_floors(candidate: Candidate) -> None:
    if candidate.failed:
        raise Refused(f"the gate fails: {_failures(candidate)}; --force promotes it all the same")


def _failures(candidate: Candidate) -> str:
    return f"{candidate.name} {', '.join(candidate.failed)}"


def _require_better(candidate: Candidate, now: Version) -> None:
    """Raise `Refused` unless a candidate beats the champion beyond what the same test images can tell by chance."""
    images, labels = files.read_labelled(PREPARED / "test.npz")
    if now.tags["test.md5"] != fingerprint.md5(PREPARED / "test.npz"):
        raise Refused(f"the champion ({describe(now)}) was tested on another test split; --force promotes all the same")
    quiet.import_tensorflow()
    from pipeline import training  # here, so that quicker refusals do not wait for TensorFlow

    theirs = training.predict(_load(now), images)
    compared = significance.difference(labels, candidate.evaluation["test_probabilities"], theirs)
    if compared["difference"] > 0 and compared["p_value"] < LEVEL:
        return
    raise Refused(_not_better(candidate.name, now, float(np.mean(labels == theirs.argmax(axis=1))), compared))


def _not_better(name: str, now: Version, accuracy: float, compared: dict[str, float]) -> str:
    return (
        f"{name} is not better than the champion ({now.tags['model']}, version {now.version}) beyond the noise of the "
        f"test images: accuracy {accuracy + compared['difference']:.4f} against {accuracy:.4f}, "
        f"{compared['only_first']} images only {name} gets right, {compared['only_second']} only the champion, "
        f"p = {compared['p_value']:.2g}, needed below {LEVEL} (exact McNemar); --force promotes it all the same"
    )


def _run(client: Client, dataset: str, name: str, identity: str) -> Any:
    """Return the latest finished run of a fingerprint; raise `InputError`, with the remedy, if the store has none."""
    experiment = client.get_experiment_by_name(dataset)
    wanted = f"tags.fingerprint = '{identity}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment.experiment_id], wanted) if experiment else []
    for run in runs:
        if run.outputs and run.outputs.model_outputs:
            return run
    raise InputError(
        f"MLflow at {journal.address()} has no finished run of {name} as it is on disk: "
        f"`dvc repro --force --single-item evaluate@{name}` makes it"
    )


def _version(client: Client, run: Any, dataset: str, candidate: Candidate, identity: str) -> Version:
    """Return the version of a fingerprint, with its tags; one left by an earlier promotion is used again."""
    tags = _tags(run, candidate, identity)
    if found := client.search_model_versions(f"name = '{dataset}' and tags.fingerprint = '{identity}'"):
        for key, value in tags.items():
            client.set_model_version_tag(dataset, found[0].version, key, value)
        return client.get_model_version(dataset, found[0].version)
    if not client.search_registered_models(f"name = '{dataset}'"):
        client.create_registered_model(dataset, description=f"The classifier of {dataset} in use is its `{CHAMPION}`.")
    made, text = run.outputs.model_outputs[0].model_id, _description(dataset, candidate, run)
    source, run_id = f"models:/{made}", run.info.run_id
    return client.create_model_version(dataset, source, run_id, tags, description=text, model_id=made)


def _tags(run: Any, candidate: Candidate, identity: str) -> dict[str, str]:
    splits = [split for split in ("test", "validation") if split in candidate.scores]
    accuracies = {f"{split}.accuracy": str(candidate.scores[split]["accuracy"]) for split in splits}
    return accuracies | {
        "model": candidate.name,
        "fingerprint": identity,
        "git.commit": run.data.tags.get("git.commit", "unknown"),  # of a rebuilt run
        "test.md5": fingerprint.md5(PREPARED / "test.npz"),
        "class_names": json.dumps(candidate.evaluation["class_names"].tolist(), ensure_ascii=False),
    }


def _description(dataset: str, candidate: Candidate, run: Any) -> str:
    evaluation, scores = candidate.evaluation, candidate.scores
    low, high = significance.accuracy_interval(evaluation["test_labels"], evaluation["test_probabilities"])
    validation = f"- validation accuracy {scores['validation']['accuracy']:.4f}\n" if "validation" in scores else ""
    return (
        f"**{candidate.name}** on {dataset}: `{run.data.params.get('network', candidate.name)}`, "
        f"{scores['parameters']:,} parameters.\n\n"
        f"- test accuracy {scores['test']['accuracy']:.4f} (95 % interval {low:.4f} – {high:.4f})\n"
        f"{validation}"
        "- takes raw 8-bit pixels; the scaling is the network's first layer\n"
    )


def _move(client: Client, dataset: str, champion: Any, previous: Any) -> None:
    """Set both aliases, or `champion` alone where there is no previous version.

    The tag comes first and goes last, so that `_finish` can do the rest of a move that was cut off.
    """
    target = {CHAMPION: str(champion)} | ({PREVIOUS: str(previous)} if previous else {})
    client.set_registered_model_tag(dataset, MOVING, json.dumps(target))
    for alias, version in target.items():
        client.set_registered_model_alias(dataset, alias, version)
    client.delete_registered_model_tag(dataset, MOVING)


def _finish(client: Client, dataset: str) -> bool:
    """Do the rest of a move that was cut off, and say whether there was one."""
    for model in client.search_registered_models(f"name = '{dataset}'"):
        if MOVING in model.tags:
            target = json.loads(model.tags[MOVING])
            _move(client, dataset, target[CHAMPION], target.get(PREVIOUS))
            return True
    return False


def _by_alias(client: Client, dataset: str, alias: str) -> Version | None:
    for model in client.search_registered_models(f"name = '{dataset}'"):
        if number := model.aliases.get(alias):
            version = client.get_model_version(dataset, str(number))
            if "class_names" not in version.tags:
                raise InputError(
                    f"{dataset} version {number} is `{alias}` but not of `promote`: move the alias by hand"
                )
            return version
    return None


def _require_champion(client: Client, dataset: str) -> Version:
    if version := _by_alias(client, dataset, CHAMPION):
        return version
    raise InputError(
        f"{dataset} has no champion at {journal.address()}: `python -m pipeline.registry promote` makes one"
    )


def _load(version: Version, flavor: Any = None) -> Any:
    """Load a version by one of mlflow's flavors, Keras's unless another is given."""
    quiet.import_tensorflow()
    import mlflow.tensorflow  # here, after TensorFlow was told to be quiet

    try:
        return (flavor or mlflow.tensorflow).load_model(f"models:/{version.name}/{version.version}")
    except (mlflow.exceptions.MlflowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{version.name} version {version.version} cannot be loaded: {reason}") from None


@contextmanager
def _alone() -> Iterator[None]:
    """Let one command at a time change the registry; on a server, mlflow has no lock to offer."""
    database = journal.database()
    with FileLock(f"{database}.registry.lock") if database and database.is_file() else nullcontext():
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline.registry", description="Which model is in use.")
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", help="make the best model of params.yaml the champion")
    promoting.add_argument("--model", metavar="NAME", help="this one, not the one of highest validation accuracy")
    promoting.add_argument("--force", action="store_true", help="whatever the gate and the test images say")
    commands.add_parser("rollback", help="swap champion and previous")
    commands.add_parser("show", help="say what is champion, and what was before")
    return parser.parse_args()


def main() -> None:
    """Do the command and print what it says; exit 1 if the rules refuse a promotion."""
    given, settings = _arguments(), params.load()
    dataset = settings.fetch.dataset_name
    try:
        if given.command == "promote":
            print(tracking.reaching(lambda: promote(settings, given.model, force=given.force)))
        else:
            command = rollback if given.command == "rollback" else show
            print(tracking.reaching(lambda: command(dataset)))
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    errors.run(main)
