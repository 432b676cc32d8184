"""A sweep's file together with params.yaml and the prepared images, all checked before anything runs."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.addons.sweep import definition, space
from pipeline.addons.sweep.definition import Dimension, Sweep
from pipeline.addons.sweep.space import Raw, Values
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.schema import Params, Training
from pipeline.tracking import description, fingerprints, lock, paths, stale
from pipeline.tracking.description import Description

DECIDING = ("model", "space", "maximise", "minimise", "sampler", "pruner", "seed")  # about trials and their order


@dataclass(frozen=True)
class Plan:
    """A sweep, `source` its file, and `raw`, the content of params.yaml."""

    source: Path
    sweep: Sweep
    raw: Raw

    @property
    def name(self) -> str:
        """The sweep's name, its file's."""
        return self.source.stem

    @property
    def training(self) -> Training:
        """What each trial is, with values of its own: the model that `--apply` writes, with params' first seed."""
        return Training(f"{self.sweep.model}_{self.name}", self.raw["seeds"][0])

    def fingerprint(self, values: Values) -> str:
        """Return the fingerprint that a trial's training has, and has again where it is a model of params.yaml."""
        with_trial = space.with_model(self.raw, self.training.model, space.model(self.raw, self.sweep, values))
        return fingerprints.of_stage(f"train@{self.training.name}", with_trial)

    @cached_property
    def identity(self) -> str:
        """SHA-256 of all that decides which trials there are and what comes of them."""
        decides = self.sweep.model_dump(include=set(DECIDING))
        content = json.dumps([self.fingerprint({}), decides], ensure_ascii=False)  # in the order of the space
        return hashlib.sha256(content.encode()).hexdigest()

    def params(self, values: Values) -> Params:
        """Return checked params whose only model is a trial's."""
        return space.validated(self.raw, self.sweep, self.training.model, values)


def load(source: Path) -> Plan:
    """Read a sweep's file and check it against params.yaml and the prepared images, each corner of its space.

    Raise `InputError` with a line for what is wrong.
    """
    sweep = definition.load(source)
    plan = Plan(source, sweep, files.read_yaml(PARAMS_FILE))
    loading.validate(plan.raw)
    for path in (paths.DATASET, paths.TRAIN, paths.VALIDATION):
        if not path.exists():
            raise InputError(f"{path} is missing: `dvc repro prepare` makes it")
    known = lock.read()
    if edited := stale.keys([known[stage] for stage in ("fetch", "prepare") if stage in known], plan.raw):
        asked = f"{PARAMS_FILE} asks for ({', '.join(edited)})"
        raise InputError(f"{paths.PREPARED} is not what {asked}: `dvc repro prepare`")
    if not plan.raw["prepare"]["validation_fraction"]:
        raise InputError(f"{PARAMS_FILE}: prepare.validation_fraction is 0, but a sweep chooses by validation")
    image_shape = files.read_json(paths.DATASET)["image_shape"]
    space.check(plan.raw, sweep, plan.training.model, str(source), image_shape)
    return plan


def described(plan: Plan, dataset: dict[str, str]) -> Description:
    """Gather what the sweep's own run tells from its start: the model as it is in params.yaml, and what is varied."""
    base = description.of_training(plan.params({}), plan.training, plan.identity, dataset)
    varied = {f"sweep.{key}": _text(dimension) for key, dimension in plan.sweep.space.items()}
    return dataclasses.replace(
        base,
        name=f"sweep {plan.name}: {plan.sweep.model} with other {', '.join(plan.sweep.space)}"[:200],
        params=base.params | varied,
        tags=base.tags | {"dvc.stage": str(plan.source), "sweep.name": plan.name},
    )


def _text(dimension: Dimension) -> str:
    dumped = dimension.model_dump(exclude_defaults=True)
    return json.dumps(dumped.get("choices", dumped), ensure_ascii=False)[:500]
