"""A sweep's file together with params.yaml and the prepared images, all checked before anything runs."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from pipeline.addons.sweep import definition, space
from pipeline.addons.sweep.definition import Sweep
from pipeline.addons.sweep.space import Raw, Values
from pipeline.base import files
from pipeline.base.errors import InputError, short
from pipeline.config import loading, network_fits
from pipeline.config.explain import explain
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.models import Model
from pipeline.config.schema import Params, Training
from pipeline.tracking import description, fingerprints, lock, paths, stale
from pipeline.tracking.description import Description
from pipeline.tracking.lock import LOCK

DECIDING = ("model", "space", "maximise", "minimise", "sampler", "pruner", "seed")  # about trials and their order


@dataclass(frozen=True)
class Plan:
    """A sweep, `source` its file, and params.yaml: `raw`, its content, and `base`, the same checked."""

    source: Path
    sweep: Sweep
    raw: Raw
    base: Params

    @property
    def name(self) -> str:
        """The sweep's name, its file's."""
        return self.source.stem

    @property
    def training(self) -> Training:
        """What each trial is, with values of its own: the model that `--apply` writes, with params' first seed."""
        return Training(f"{self.sweep.model}_{self.name}", self.base.seeds[0])

    def fingerprint(self, values: Values) -> str:
        """Return the fingerprint that a trial's training has, and has again where it is a model of params.yaml."""
        made = space.model(self.raw, self.sweep, values)
        with_trial = space.with_model(self.raw, self.training.model, made)
        return fingerprints.of_stage(f"train@{self.training.name}", with_trial)

    @cached_property
    def identity(self) -> str:
        """SHA-256 of all that decides which trials there are and what comes of them."""
        decides = self.sweep.model_dump(include=set(DECIDING))
        content = json.dumps([self.fingerprint({}), decides], ensure_ascii=False)  # in the order of the space
        return hashlib.sha256(content.encode()).hexdigest()

    def params(self, values: Values) -> Params:
        """Return params whose only model is a trial's; raise `InputError` where no model can be as the values say."""
        name, made = self.training.model, space.whole(self.raw, space.model(self.raw, self.sweep, values))
        try:
            model = Model.model_validate(made)
        except ValidationError as error:
            wrong = f"models.{name}.{explain(error, made)[0]}"
            raise InputError(f"with {space.told(values)}: {wrong}") from None
        return self.base.model_copy(update={"models": {name: model}})

    def check(self, image_shape: tuple[int, int, int]) -> None:
        """Raise `InputError` for a corner of the space that is no model, or whose network does not fit the images."""
        unused = dict(self.sweep.space)
        for values in space.corners(self.raw, self.sweep):
            params = self.params(values)
            try:
                network_fits.check_networks(params, image_shape)
            except InputError as error:
                raise InputError(f"with {space.told(values)}: {error}") from None
            unused = {key: dimension for key, dimension in unused.items() if key not in values}
        for key, dimension in unused.items():
            raise InputError(f"space.{key}: its when {short(dimension.when)} never holds")


def load(source: Path) -> Plan:
    """Read a sweep's file and check it against params.yaml and the prepared images, each corner of its space.

    Raise `InputError` with a line for what is wrong.
    """
    sweep, raw = definition.load(source), files.read_yaml(PARAMS_FILE)
    plan = Plan(source, sweep, raw, loading.validate(raw))
    _require_prepared(plan)
    if sweep.model not in raw["models"]:
        raise InputError(f"{source}: model: {PARAMS_FILE} has no {sweep.model}, only {', '.join(raw['models'])}")
    try:
        plan.check(files.read_json(paths.DATASET)["image_shape"])
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    return plan


def described(plan: Plan) -> Description:
    """Gather what the sweep's own run tells from its start: the model as it is in params.yaml, and what is varied."""
    base = description.of_training(plan.params({}), plan.training, plan.identity)
    dumped = {key: dimension.model_dump(exclude_defaults=True) for key, dimension in plan.sweep.space.items()}
    varied = {f"sweep.{key}": str(each.get("choices", each))[:500] for key, each in dumped.items()}
    return dataclasses.replace(
        base,
        name=f"sweep {plan.name}: {plan.sweep.model} with other {', '.join(plan.sweep.space)}"[:200],
        params=base.params | varied,
        tags=base.tags | {"dvc.stage": str(plan.source), "sweep.name": plan.name},
    )


def _require_prepared(plan: Plan) -> None:
    """Raise `InputError` unless the images are those that `prepare` made of params.yaml, to the byte."""
    read, stages = (paths.DATASET, paths.TRAIN, paths.VALIDATION), lock.read()
    if missing := [path for path in read if not path.exists()]:
        raise InputError(f"{missing[0]} is missing: `dvc repro prepare` makes it")
    changes = stale.changes(["fetch", "prepare"], params=plan.raw)
    if edited := [change for change in changes if change.startswith(stale.PARAMS)]:
        raise InputError(f"{paths.PREPARED} is not what {', '.join(edited)} asks for: `dvc repro prepare`")
    made = stages["prepare"].outs if "prepare" in stages else {}
    if damaged := [path for path in read if str(path) in made and fingerprints.md5(path) != made[str(path)]]:
        raise InputError(f"{damaged[0]} is damaged, its MD5 not that in {LOCK}: delete it and `dvc repro prepare`")
    if not plan.base.prepare.validation_fraction:
        raise InputError(f"{PARAMS_FILE}: prepare.validation_fraction is 0, but a sweep chooses by validation")
