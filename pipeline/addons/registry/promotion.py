"""Promote a model to champion, roll back, show, load.

The aliases move in one order, noted in the store first: whenever a command is cut off, `champion` names a whole
version, and the next command finishes.
"""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from pipeline.addons.registry import candidate as rules
from pipeline.addons.registry import versions
from pipeline.addons.registry.candidate import Candidate, Refused
from pipeline.addons.registry.versions import CHAMPION, PREVIOUS, Version, describe
from pipeline.base import tables
from pipeline.base.errors import InputError
from pipeline.config.schema import Params
from pipeline.data import arrays
from pipeline.tracking import fingerprints, paths, server

LOCK = "registry.lock"  # under which one command at a time changes the registry
Prepare = Callable[[Version], object]


@server.errors_in_one_line()
def champion(dataset: str) -> tuple[Any, list[str], str]:
    """Load a dataset's champion: the Keras model, the names of its classes, and which version it is, in words.

    Needs the store alone, no data. Raise `InputError` if there is no champion, or its files are gone.
    """
    version = versions.require_champion(versions.connect(), dataset)
    return versions.load(version), json.loads(version.tags["class_names"]), describe(version)


def promote(params: Params, name: str | None = None, *, force: bool = False, prepare: Prepare | None = None) -> str:
    """Make a model champion, the best of params.yaml unless named, and say in a line what was done.

    `prepare` gets its version before it becomes champion, so that it can be served at once.
    Raise `Refused` where the gate or the test images speak against it, unless forced, and `InputError` where its
    evaluation, its run or the store is missing.
    """
    candidate = rules.choose(params, name, force=force)
    dataset, fingerprint = params.fetch.dataset_name, fingerprints.of_lock(f"train@{candidate.training.name}")
    rules.require_current(candidate.training)
    client = versions.connect()
    with server.alone(LOCK):
        versions.finish(client, dataset)
        now = versions.by_alias(client, dataset, CHAMPION)
        if now and now.tags.get("fingerprint") == fingerprint:
            return f"already champion: {describe(now)}"
        run = versions.finished_run(client, dataset, candidate.training.name, fingerprint)
        if not force:
            if candidate.failed:
                raise Refused(f"the gate fails: {candidate.failures()}; --force promotes it all the same")
            if now:
                _require_better(candidate, now)
        version = versions.make(client, run, dataset, candidate, fingerprint)
        if prepare:
            prepare(version)
        versions.move(client, dataset, version.version, now and now.version)
    return f"champion: {describe(version)}" + (f" (before: version {now.version}, {now.tags['model']})" if now else "")


def rollback(dataset: str, prepare: Prepare | None = None) -> str:
    """Swap champion and previous, so that a second rollback takes back the first, and say so in a line.

    A rollback that was cut off is finished, not done twice. `prepare` is as in `promote`. Raise `InputError` if there
    is no previous one.
    """
    client = versions.connect()
    with server.alone(LOCK):
        if not versions.finish(client, dataset):
            now, before = (versions.by_alias(client, dataset, alias) for alias in (CHAMPION, PREVIOUS))
            if not before:
                raise InputError(f"{dataset} has no previous champion to go back to: `show` lists what there is")
            if prepare:
                prepare(before)
            versions.move(client, dataset, before.version, now and now.version)
        return f"champion: {describe(versions.require_champion(client, dataset))}"


def show(dataset: str) -> str:
    """Tabulate champion and previous: version, model, test accuracy, and 12 digits of fingerprint and git commit.

    The commit was checked out when the training began; `+ changes` says that its params or code were not those in it.
    """
    client = versions.connect()
    known = {alias: versions.by_alias(client, dataset, alias) for alias in (CHAMPION, PREVIOUS)}
    rows = [_row(alias, version) for alias, version in known.items() if version]
    if not rows:
        return f"{dataset} has no champion yet: `python -m pipeline registry promote` makes one"
    return tables.for_terminal(pd.DataFrame(rows))


def _row(alias: str, version: Version) -> dict[str, Any]:
    changes = " + changes" if version.tags.get("git.clean") == "false" else ""
    return {
        "alias": alias,
        "version": str(version.version),
        "model": version.tags["model"],
        "test accuracy": float(version.tags["test.accuracy"]),
        "fingerprint": version.tags["fingerprint"][:12],
        "git commit": version.tags["git.commit"][:12] + changes,
    }


def _require_better(candidate: Candidate, now: Version) -> None:
    """Raise `Refused` unless the test images tell a candidate from the champion, and as the better one."""
    if (tested := now.tags["test.md5"]) != fingerprints.md5(paths.TEST):
        other = "another test split" if tested.endswith(".dir") else "test.npz, which came before data/prepared/test"
        raise Refused(f"the champion ({describe(now)}) was tested on {other}; --force promotes all the same")
    from pipeline.network import training  # here, so that quicker refusals do not wait for TensorFlow

    images, _ = arrays.read(paths.TEST)
    words = f"{now.tags['model']}, version {now.version}"
    rules.require_better(candidate, training.predict(versions.load(now), images), words)
