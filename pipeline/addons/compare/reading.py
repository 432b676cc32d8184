"""What a git revision or the working tree holds; DVC finds what git does not keep, in its cache or a remote."""

import io
import json
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from dvc.api import DVCFileSystem

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.section import leaves
from pipeline.evaluation.records import Predictions
from pipeline.tracking import fingerprints, git, journals, lock
from pipeline.tracking.lock import StageLock


class Key(NamedTuple):
    """A training's model and seed; None where the revision is older than seeds."""

    model: str
    seed: int | None


class Revision:
    """A git revision, or the working tree where there is no `name`; raise `InputError` for an unknown one."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or "the working tree"
        self.commit = _commit(name) if name else None
        self._files = DVCFileSystem(rev=self.commit)

    @cached_property
    def params(self) -> dict[str, Any]:
        """Every value of params.yaml by its dotted path, as `models.vgg.blocks.0.filters`."""
        if (content := self.read("params.yaml")) is None:
            raise InputError(f"{self.name} has no params.yaml: name a revision of this pipeline")
        return dict(_values(files.parse_yaml(content.decode(), f"{self.name}: params.yaml")))

    @cached_property
    def stages(self) -> dict[Key, StageLock]:
        """Each training's `evaluate` as dvc.lock has it."""
        return self._locked("evaluate")

    @property
    def models(self) -> list[str]:
        """The models that were evaluated."""
        return list(dict.fromkeys(key.model for key in self.stages))

    @property
    def trainings(self) -> list[str]:
        """The names of the trainings that were evaluated, as `vgg-42`."""
        return [key.model if key.seed is None else f"{key.model}-{key.seed}" for key in self.stages]

    def metrics(self, model: str) -> dict[Key, dict[str, float]]:
        """Read the metrics.json of each of a model's seeds, values by dotted path."""
        return {key: self._metrics[key] for key in self._of(model) if key in self._metrics}

    def predictions(self, model: str) -> dict[Key, Predictions]:
        """Read the test predictions of each of a model's seeds that DVC has."""
        found = {key: self._arrays(self._made(key, ".npz")) for key in self._of(model)}
        return {
            key: Predictions(arrays["test_labels"], arrays["test_probabilities"])
            for key, arrays in found.items()
            if {"test_labels", "test_probabilities"} <= arrays.keys()
        }

    def test_images(self) -> np.ndarray | None:
        """Read the test images, uint8 of (n, height, width, channels), None where DVC does not have them."""
        content = self.read("data/prepared/test/images.npy")
        return np.load(io.BytesIO(content), allow_pickle=False) if content else None

    def class_names(self, model: str) -> list[str]:
        """Read the names of the classes from a model's per_class.csv."""
        return list(self._per_class(model).get("class", ()))

    def count(self, model: str) -> int:
        """Count the test images by a model's per_class.csv, 0 where there is none."""
        return int(self._per_class(model).get("support", pd.Series(0)).sum())

    def seconds(self, model: str) -> float | None:
        """Return the mean seconds that a model's trainings took, None where they were elsewhere."""
        stages = [stage for key, stage in self._locked("train").items() if key.model == model]
        known = [journals.readable(fingerprints.of_stage_lock(stage)) for stage in stages]
        taken = [sum(found[-1].values("epoch/seconds")) for found in known if found]
        return sum(taken) / len(taken) if any(taken) else None

    def read(self, path: str | None) -> bytes | None:
        """Read a file; None where neither git nor DVC has it."""
        try:
            return bytes(self._files.read_bytes(path)) if path else None
        except FileNotFoundError:
            return None

    @cached_property
    def _lock(self) -> dict[str, StageLock]:
        text = self.read("dvc.lock")
        return lock.parse(text.decode(), f"{self.name}: dvc.lock") if text else {}

    @cached_property
    def _metrics(self) -> dict[Key, dict[str, float]]:
        found = {key: self.read(self._made(key, "metrics.json")) for key in self.stages}
        return {key: dict(leaves(json.loads(text))) for key, text in found.items() if text}

    def _locked(self, name: str) -> dict[Key, StageLock]:
        """Return a stage of every training that params.yaml still asks for: dvc.lock keeps the others too."""
        keys = {stage: self._key(stage) for stage in self._lock if stage.startswith(f"{name}@")}
        return {key: self._lock[stage] for stage, key in keys.items() if key}

    def _key(self, stage: str) -> Key | None:
        name = stage.partition("@")[2]
        model, _, seed = name.rpartition("-")
        if name in self._models:
            return Key(name, None)
        return Key(model, int(seed)) if model in self._models and int(seed) in self.params["seeds"] else None

    @cached_property
    def _models(self) -> set[str]:
        return {path.split(".")[1] for path in self.params if path.startswith("models.")}

    def _of(self, model: str) -> list[Key]:
        return [key for key in self.stages if key.model == model]

    def _made(self, key: Key, ending: str) -> str | None:
        return next((path for path in self.stages[key].outs if path.endswith(ending)), None)

    def _per_class(self, model: str) -> pd.DataFrame:
        text = self.read(self._made(self._of(model)[0], "per_class.csv"))
        return pd.read_csv(io.BytesIO(text), keep_default_na=False, dtype={"class": str}) if text else pd.DataFrame()

    def _arrays(self, path: str | None) -> files.Arrays:
        content = self.read(path)
        return dict(np.load(io.BytesIO(content), allow_pickle=False)) if content else {}


@cache
def at(name: str | None = None) -> Revision:
    """Return a revision, or the working tree, as it was first asked for: each of its files is read once."""
    return Revision(name)


def _commit(name: str) -> str:
    try:
        return git.ask("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except InputError:
        raise InputError(f"{name!r} is no revision here: name a commit, branch or tag") from None


def _values(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings, and of lists of mappings, with their dotted paths."""
    if isinstance(tree, list) and any(isinstance(item, dict) for item in tree):
        tree = dict(enumerate(tree))
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _values(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, tree
