"""A sweep's file together with params.yaml and the prepared images, all checked before anything runs."""

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.addons.sweep import definition
from pipeline.addons.sweep.definition import Sweep
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading, network_fits
from pipeline.config.loading import PARAMS_FILE
from pipeline.config.schema import Params, Training
from pipeline.tracking import description, fingerprints, paths, stale
from pipeline.tracking.description import Description

Values = dict[str, Any]  # by the keys of a space
Raw = dict[str, Any]  # as YAML has it


@dataclass(frozen=True)
class Plan:
    """A sweep, `source` its file, the content of params.yaml, and the shape of its images."""

    source: Path
    sweep: Sweep
    raw: Raw
    image_shape: tuple[int, int, int]

    @property
    def name(self) -> str:
        """The sweep's name, its file's."""
        return self.source.stem

    @property
    def training(self) -> Training:
        """What each trial is, with values of its own: the model that `--apply` writes, with params' first seed."""
        return Training(f"{self.sweep.model}_{self.name}", self.raw["seeds"][0])

    def with_model(self, values: Values) -> Raw:
        """Return the content of params.yaml with one model more; raise `InputError` for a key that has no place."""
        made: Raw = copy.deepcopy(self.raw["models"][self.sweep.model])
        for key, value in values.items():
            try:
                _put(made, key, value, self.raw["train"])
            except (AttributeError, LookupError, TypeError):
                raise InputError(f"{self.source}: space.{key}: the model has no such place: correct the key") from None
        return self.raw | {"models": self.raw["models"] | {self.training.model: made}}

    def params(self, values: Values) -> Params:
        """Return params with one model more; raise `InputError` where no model can be as the values say."""
        content = self.with_model(values)
        try:
            params = loading.validate(content)
            network_fits.check_networks(params, self.image_shape)
        except InputError as error:
            raise InputError(f"{self.source}: with {told(values)}: {error}") from None
        return params

    def check(self) -> None:
        """Raise `InputError` for a choice or an end of a range that is no model with the first of the other keys."""
        first = {key: dimension.ends[0] for key, dimension in self.sweep.space.items()}
        for key, dimension in self.sweep.space.items():
            for end in dimension.ends:
                self.params(first | {key: end})

    def fingerprint(self, values: Values) -> str:
        """Return the fingerprint that a trial's training has, and has again where it is a model of params.yaml."""
        return fingerprints.of_stage(f"train@{self.training.name}", self.with_model(values))

    def identity(self) -> str:
        """Return the SHA-256 of all that decides which trials there are and what comes of them."""
        decides = self.sweep.model_dump(exclude={"trials", "at_once"})
        content = json.dumps([self.fingerprint({}), decides], ensure_ascii=False)  # in the order of the space
        return hashlib.sha256(content.encode()).hexdigest()


def load(source: Path) -> Plan:
    """Read a sweep's file and check it against params.yaml and the prepared images; raise `InputError` if wrong."""
    sweep, raw = definition.load(source), files.read_yaml(PARAMS_FILE)
    params = loading.validate(raw)
    if changed := stale.changes(["fetch", "prepare"], ["prepare"], raw):
        raise InputError(f"{', '.join(changed)} changed since the images were prepared: run `dvc repro prepare`")
    if not params.prepare.validation_fraction:
        raise InputError(f"{PARAMS_FILE}: prepare.validation_fraction is 0, but a sweep chooses by validation")
    if sweep.model not in raw["models"]:
        raise InputError(f"{source}: model: {PARAMS_FILE} has no {sweep.model}, only {', '.join(raw['models'])}")
    plan = Plan(source, sweep, raw, files.read_json(paths.DATASET)["image_shape"])
    plan.check()
    return plan


def described(plan: Plan) -> Description:
    """Gather what the sweep's own run tells from its start: the model as it is in params.yaml, and what is varied."""
    run = description.of_training(plan.params({}), plan.training, plan.identity())
    run.name = f"sweep {plan.name}: {plan.sweep.model} with other {', '.join(plan.sweep.space)}"[:200]
    run.tags |= {"dvc.stage": str(plan.source), "sweep.name": plan.name}
    for key, dimension in plan.sweep.space.items():
        run.params[f"sweep.{key}"] = str(dimension.choices or dimension.model_dump(exclude_defaults=True))[:500]
    return run


def told(values: Values) -> str:
    """Write values in one line."""
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _put(made: Raw, key: str, value: Any, train: dict[Any, Any]) -> None:
    """Put a value at a dotted key of a model; what its own `train` lacks begins as in that of params.yaml."""
    *parents, last = (int(part) if part.isdecimal() else part for part in key.split("."))
    if parents[:1] == ["train"] and len(parents) > 1:
        made.setdefault("train", {}).setdefault(parents[1], copy.deepcopy(train.get(parents[1])))
    place: Any = made
    for part in parents:
        if isinstance(place, dict) and place.get(part) is None:
            place[part] = {}
        place = place[part]
    place[last] = copy.deepcopy(value)
