"""What params.yaml may hold: every section, its keys, their types and ranges."""

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.base.errors import InputError, unknown_key
from pipeline.config.gate import Gate
from pipeline.config.models import Model, Train
from pipeline.config.section import Count, EachOnce, Fraction, Rate, Section, Text

EVERY_MODEL = "every_model"

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class ImageFolder(Section):
    """One's own pictures, a folder per class at `path`, resized to `height` × `width`, grey (1 channel) or not (3)."""

    name: Literal["image_folder"]
    path: Text
    height: Count
    width: Count
    channels: Literal[1, 3] = 3
    unreadable_fraction: Rate = 0.01  # how many of all files may be broken


class OwnArrays(Section):
    """One's own images and labels: four IDX files in the folder `path`, or an `.npz` there.

    Classes are called by their labels unless named.
    """

    name: Literal["idx_folder", "npz"]
    path: Text
    class_names: Annotated[list[Text], Field(min_length=2)] | None = None


Own = Annotated[ImageFolder | OwnArrays, Field(discriminator="name")]


class Fetch(Section):
    """Which dataset, a published one's name or one's own with its settings, and where to look before publishers."""

    dataset: Annotated[
        Annotated[str, Tag("published")] | Annotated[Own, Tag("own")],
        Discriminator(lambda value: "published" if isinstance(value, str) else "own"),
    ]
    mirrors: list[str] = []

    @property
    def dataset_name(self) -> str:
        """What the dataset is called: as published, or as one's own folder or file, without what MLflow refuses."""
        if isinstance(self.dataset, str):
            return self.dataset
        name = re.sub("[':]", "-", PurePath(self.dataset.path).name.removesuffix(".npz"))
        return name.strip(". ") or self.dataset.name


class Prepare(Section):
    """How the data is split and scaled; `test_fraction` only for datasets published without a test split.

    Without a validation part (`validation_fraction` 0), all training images are trained on.
    """

    validation_fraction: Rate
    split: Literal["stratified", "random", "tail"]
    test_fraction: Fraction = 0.2
    scaling: Literal["unit", "min_max", "standard"]
    seed: Seed


class Training(NamedTuple):
    """One model trained with one seed; its name is what DVC calls it, as `vgg-42` in `train@vgg-42`."""

    model: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its files and stages."""
        return f"{self.model}-{self.seed}"


class Params(Section):
    """The whole of params.yaml, but for the sections of add-ons, which `loading` adds."""

    fetch: Fetch
    prepare: Prepare
    train: Train
    seeds: Annotated[list[Seed], Field(min_length=1), EachOnce]
    models: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")], Model], Field(min_length=1)]
    gate: dict[str, Gate] = {}

    @property
    def trainings(self) -> list[Training]:
        """Every model with every seed, model by model."""
        return [Training(model, seed) for model in self.models for seed in self.seeds]

    def training(self, name: str) -> Training:
        """Return the training of that name, as `vgg-42`; raise `InputError` for an unknown one."""
        known = {training.name: training for training in self.trainings}
        if name not in known:
            raise InputError(f"params.yaml: models: {unknown_key(name, [*self.models, *known])}")
        return known[name]

    def trainings_of(self, name: str) -> list[Training]:
        """Return all trainings of a model, or the one of that name; raise `InputError` for an unknown one."""
        return [training for training in self.trainings if training.model == name] or [self.training(name)]

    def section(self, addon: str) -> Any:
        """Return the section of an add-on."""
        return getattr(self, addon)

    @model_validator(mode="after")
    def _gates_are_of_models(self) -> "Params":
        if EVERY_MODEL in self.models:
            raise ValueError(f"models: {EVERY_MODEL} is no name for a model: gate means all of them by it")
        for name, gate in self.gate.items():
            if name not in (EVERY_MODEL, *self.models):
                raise ValueError(f"gate: {unknown_key(name, [EVERY_MODEL, *self.models])}")
            if gate.together and len(self.seeds) == 1:
                raise ValueError(f"gate.{name}: together needs several seeds, and seeds is {self.seeds}: add one")
        return self

    @model_validator(mode="after")
    def _who_needs_a_validation_part_has_one(self) -> "Params":
        for name, model in self.models.items():
            for key in ("early_stopping", "temperature_scaling"):
                if getattr(model.train, key) and not self.prepare.validation_fraction:
                    raise ValueError(f"prepare.validation_fraction is 0, but models.{name} needs it for {key}")
        return self

    def gate_of(self, model: str) -> Gate:
        """Return what a model is held to: its own limits in place of every model's."""
        return self.gate.get(EVERY_MODEL, Gate()).replaced_by(self.gate.get(model, Gate()))
