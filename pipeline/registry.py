"""Which model is in use: one registered model for each dataset, its version in use by the alias `champion`.

`python -m pipeline.registry promote [--model NAME] [--force]`, `rollback`, `show`. The aliases move in one order, noted
in the store first: whenever a command is cut off, `champion` names a whole version, and the next command finishes.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import mlflow
from filelock import FileLock

from pipeline import candidates, errors, files, fingerprint, journal, params, quiet, tracking, versions
from pipeline.candidates import Candidate, Refused
from pipeline.errors import InputError
from pipeline.schema import Params
from pipeline.versions import CHAMPION, PREVIOUS, Version, describe


def champion(dataset: str) -> tuple[Any, list[str], str]:
    """Load a dataset's champion: the Keras model, the names of its classes, and which version it is, in words.

    Needs the store alone, no data. Raise `InputError` if there is no champion, or its files are gone.
    """
    version = versions.require_champion(versions.connect(), dataset)
    return versions.load(version), json.loads(version.tags["class_names"]), describe(version)


def scoring_app(dataset: str) -> tuple[Any, tuple[int, ...], str]:
    """Return mlflow's scoring server (an ASGI app) of the champion, the shape of its images, and `describe`'s words.

    The shape is (height, width, channels). Raise `InputError` as `champion` does.
    """
    from mlflow.pyfunc import scoring_server  # here: only serving needs it

    version = versions.require_champion(versions.connect(), dataset)
    model = versions.load(version, mlflow.pyfunc)
    (pixels,) = model.metadata.get_input_schema().inputs
    return scoring_server.init(model), tuple(pixels.shape[1:]), describe(version)


def promote(settings: Params, name: str | None = None, *, force: bool = False) -> str:
    """Make a model champion, the best of params.yaml unless named, and say in a line what was done.

    Raise `Refused` where the gate or the test images speak against it, unless forced, and `InputError` where its
    evaluation, its run or the store is missing.
    """
    candidate = candidates.choose(settings, name, force=force)
    dataset, identity = settings.fetch.dataset_name, fingerprint.of_lock(f"train@{candidate.name}")
    candidates.require_current(candidate.name)
    with _alone():
        client = versions.connect()
        versions.finish(client, dataset)
        now = versions.by_alias(client, dataset, CHAMPION)
        if now and now.tags.get("fingerprint") == identity:
            return f"already champion: {describe(now)}"
        run = versions.finished_run(client, dataset, candidate.name, identity)
        if not force:
            candidates.require_floors(candidate)
            if now:
                _require_better(candidate, now)
        version = versions.make(client, run, dataset, candidate, identity)
        versions.move(client, dataset, version.version, now and now.version)
    return f"champion: {describe(version)}" + (f" (before: version {now.version}, {now.tags['model']})" if now else "")


def rollback(dataset: str) -> str:
    """Swap champion and previous, so that a second rollback takes back the first, and say so in a line.

    A rollback that was cut off is finished, not done twice. Raise `InputError` if there is no previous one.
    """
    with _alone():
        client = versions.connect()
        if not versions.finish(client, dataset):
            now, before = (versions.by_alias(client, dataset, alias) for alias in (CHAMPION, PREVIOUS))
            if not before:
                raise InputError(f"{dataset} has no previous champion to go back to: `show` lists what there is")
            versions.move(client, dataset, before.version, now and now.version)
        return f"champion: {describe(versions.require_champion(client, dataset))}"


def show(dataset: str) -> str:
    """Tabulate champion and previous: version, model, test accuracy, and 12 digits of fingerprint and git commit."""
    client, rows = versions.connect(), [("", "version", "model", "test accuracy", "fingerprint", "git commit")]
    for alias in (CHAMPION, PREVIOUS):
        if version := versions.by_alias(client, dataset, alias):
            tags = version.tags
            short = [tags[key][:12] for key in ("fingerprint", "git.commit")]
            rows.append((alias, str(version.version), tags["model"], f"{float(tags['test.accuracy']):.4f}", *short))
    if len(rows) == 1:
        return f"{dataset} has no champion yet: `python -m pipeline.registry promote` makes one"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _require_better(candidate: Candidate, now: Version) -> None:
    """Raise `Refused` unless the test images tell a candidate from the champion, and as the better one."""
    if now.tags["test.md5"] != fingerprint.md5(versions.TEST):
        raise Refused(f"the champion ({describe(now)}) was tested on another test split; --force promotes all the same")
    quiet.import_tensorflow()
    from pipeline import training  # here, so that quicker refusals do not wait for TensorFlow

    images, _ = files.read_labelled(versions.TEST)
    words = f"{now.tags['model']}, version {now.version}"
    candidates.require_better(candidate, training.predict(versions.load(now), images), words)


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
