"""What a git revision or the working tree holds; DVC finds what git does not keep, in its cache or a remote."""

import io
import json
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dvc.api import DVCFileSystem

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.schema import Training
from pipeline.config.section import leaves
from pipeline.evaluation.checks import ACCURACY
from pipeline.evaluation.records import Predictions
from pipeline.tracking import git, paths


class Revision:
    """A git revision, or the working tree where there is no `name`; raise `InputError` for an unknown one."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or "the working tree"
        self._files = DVCFileSystem(rev=_commit(name) if name else None)

    @cached_property
    def params(self) -> dict[str, Any]:
        """Every value of params.yaml by its dotted path, as `models.vgg.blocks.0.filters`."""
        return dict(_values(self._tree))

    @property
    def models(self) -> list[str]:
        """The models that were evaluated."""
        return list(dict.fromkeys(training.model for training in self.scores))

    @cached_property
    def scores(self) -> dict[Training, dict[str, float]]:
        """The metrics.json of each training that was evaluated, values by dotted path."""
        models, seeds = self._tree.get("models") or {}, self._tree.get("seeds") or []
        trainings = [Training(model, seed) for model in models for seed in seeds]
        contents = {training: self._read(paths.metrics(training)) for training in trainings}
        found = {training: dict(leaves(json.loads(content))) for training, content in contents.items() if content}
        return {training: scores for training, scores in found.items() if ACCURACY in scores}

    def metrics(self, model: str) -> pd.DataFrame:
        """Return the metrics of a model, a row a seed."""
        return pd.DataFrame([scores for training, scores in self.scores.items() if training.model == model])

    def predictions(self, model: str) -> list[Predictions]:
        """Read the test predictions of each of a model's seeds that DVC has."""
        contents = [self._read(paths.evaluation(training)) for training in self.scores if training.model == model]
        arrays = [np.load(io.BytesIO(content), allow_pickle=False) for content in contents if content]
        return [Predictions(one["test_labels"], one["test_probabilities"]) for one in arrays if "test_labels" in one]

    def test_images(self, model: str) -> int:
        """Count the test images by a model's per_class.csv."""
        first = next(training for training in self.scores if training.model == model)
        path = paths.metrics(first).with_name("per_class.csv")
        if (content := self._read(path)) is None:
            raise InputError(f"{self.name}: {path} is missing: compare with a revision that has its reports")
        return int(pd.read_csv(io.BytesIO(content))["support"].sum())

    @cached_property
    def _tree(self) -> dict[str, Any]:
        if (content := self._read(PARAMS_FILE)) is None:
            raise InputError(f"{self.name} has no params.yaml: name a revision of this pipeline")
        tree: dict[str, Any] = files.parse_yaml(content.decode(), f"{self.name}: params.yaml")
        return tree

    def _read(self, path: Path) -> bytes | None:
        """Read a file; None where neither git nor DVC has it."""
        try:
            return bytes(self._files.read_bytes(path.as_posix()))
        except FileNotFoundError:
            return None


revision = cache(Revision)  # as it was first asked for, so that each of its files is read once


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
