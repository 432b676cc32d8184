"""Promote a model to champion, roll back, show, load. Whenever it is cut off, `champion` names a whole version."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock

from pipeline.addons.registry import candidate, folder, versions
from pipeline.addons.registry.candidate import Refused
from pipeline.addons.registry.versions import CHAMPION, PREVIOUS, Version, describe
from pipeline.base import tables
from pipeline.base.errors import InputError
from pipeline.config.schema import Params
from pipeline.data import arrays
from pipeline.evaluation import significance
from pipeline.tracking import fingerprints, location, paths, server, stale

LOCK = "registry.lock"  # under which one command at a time changes the registry


@server.errors_in_one_line()
def champion(dataset: str) -> tuple[Any, list[str], str]:
    """Load a dataset's champion: the Keras model, the names of its classes, and which version it is, in words.

    Needs the store alone, no data. Raise `InputError` if there is no champion, or its files are gone.
    """
    version = versions.require_champion(versions.connect(), dataset)
    return versions.load(version), json.loads(version.tags["class_names"]), describe(version)


def promote(params: Params, name: str | None = None, *, force: bool = False) -> str:
    """Make a model champion, the best of params.yaml unless named, and say in a line what was done.

    Raise `Refused` where the gate or the test images speak against it, unless forced, and `InputError` where its
    evaluation, its run or the store is missing.
    """
    training, evaluation = candidate.choose(params, name, force=force)
    dataset, fingerprint = params.fetch.dataset_name, fingerprints.of_lock(f"train@{training.name}")
    for line in stale.reasons([training], read=True):
        raise InputError(line)
    client = versions.connect()
    with server.alone(LOCK):
        now = versions.by_alias(client, dataset, CHAMPION)
        if now and now.tags.get("fingerprint") == fingerprint:
            serve(now)
            return f"already champion: {describe(now)}"
        run, model = versions.finished_run(client, dataset, training.name, fingerprint)
        if now and not force:
            _require_better(training.name, evaluation.right, now)
        version = versions.make(client, run, model, dataset, versions.tags(training, evaluation, fingerprint))
        export(version)  # before it is champion, so that it can be served at once
        if now:
            client.set_registered_model_alias(dataset, PREVIOUS, now.version)
        client.set_registered_model_alias(dataset, CHAMPION, version.version)
        serve(version)
    return f"champion: {describe(version)}" + (f" (before: version {now.version}, {now.tags['model']})" if now else "")


def rollback(dataset: str) -> str:
    """Swap champion and previous, so that a second rollback takes back the first, and say so in a line.

    Raise `InputError` if there is no previous one.
    """
    client = versions.connect()
    with server.alone(LOCK):
        now, before = (versions.by_alias(client, dataset, alias) for alias in (CHAMPION, PREVIOUS))
        if not now or not before or now.version == before.version:
            raise InputError(f"{dataset} has no previous champion to go back to: `show` lists what there is")
        export(before)
        client.set_registered_model_alias(dataset, CHAMPION, before.version)
        client.set_registered_model_alias(dataset, PREVIOUS, now.version)
        serve(before)
    return f"champion: {describe(before)}"


def fetch(dataset: str) -> str:
    """Bring the champion to where `pipeline serve` takes it from, and say in a line where that is."""
    client = versions.connect()
    with server.alone(LOCK):
        version = versions.require_champion(client, dataset)
        return f"{describe(version)} is in {serve(version)}"


def serve(version: Version) -> Path:
    """Let `pipeline serve` answer by a version from now on, and return its folder; the caller holds the lock."""
    place = export(version)
    folder.point(place.parent, place)
    return place


def show(dataset: str) -> str:
    """Tabulate champion and previous: version, model, test accuracy, 12 digits of its fingerprint, and MLflow's run."""
    client = versions.connect()
    rows = []
    for alias in (CHAMPION, PREVIOUS):
        if version := versions.by_alias(client, dataset, alias):
            accuracy, fingerprint = float(version.tags["test.accuracy"]), version.tags["fingerprint"][:12]
            rows.append((alias, str(version.version), version.tags["model"], accuracy, fingerprint, version.run_id))
    if not rows:
        return f"{dataset} has no champion yet: `python -m pipeline registry promote` makes one"
    columns = ["alias", "version", "model", "test accuracy", "fingerprint", "run"]
    return tables.for_terminal(pd.DataFrame(rows, columns=columns))


def export(version: Version) -> Path:
    """Export a version to where `pipeline serve` takes it from, unless it is there as written; return the folder."""
    root = folder.root(location.repository(), version.name)
    place = folder.place(root, str(version.version), version.tags["fingerprint"])
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".lock"):  # another process may just be at it
        if not folder.whole(place):
            from pipeline.addons.export import litert  # here: most commands do without TensorFlow

            folder.write(place, litert.to_litert(versions.load(version)), versions.about(version))
    return place


def _require_better(name: str, ours: np.ndarray, now: Version) -> None:
    """Raise `Refused` unless a training, right about `ours`, beats the champion beyond the test images' noise."""
    if now.tags["test.md5"] != fingerprints.md5(paths.TEST):
        raise Refused(f"the champion ({describe(now)}) was tested on another test split; --force promotes all the same")
    from pipeline.network import training  # here, so that quicker refusals do not wait for TensorFlow

    images, labels = arrays.read(paths.TEST)
    theirs = labels == training.predict(versions.load(now), images).argmax(axis=1)
    difference = significance.difference(ours[None], theirs[None])
    if difference.accuracy <= 0 or difference.p_value >= significance.LEVEL:
        raise Refused(
            f"{name} is not better than the champion ({now.tags['model']}, version {now.version}) beyond the noise of "
            f"the test images: accuracy {ours.mean():.4f} against {theirs.mean():.4f}, {difference.only_first} images "
            f"only {name} gets right, {difference.only_second} only the champion, p = {difference.p_value:.2g}, needed "
            f"below {significance.LEVEL} (exact McNemar); --force promotes all the same"
        )
