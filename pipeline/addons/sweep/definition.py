"""What a file of `sweeps/` may hold: every key, its type and range."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from pipeline.base import files
from pipeline.base.errors import InputError, short
from pipeline.config.explain import explain
from pipeline.config.schema import Seed
from pipeline.config.section import Count, NotNegative, Positive, Section, Text

ACCURACY, LOSS, PARAMETERS, SECONDS = "validation.accuracy", "validation.loss", "parameters", "seconds_per_image"
EACH_EPOCH = {ACCURACY: "validation_accuracy", LOSS: "validation_loss"}  # columns of a training's history


class Conditional(Section):
    """A key of a model that a sweep varies, `when` other keys of the model have the values named."""

    when: dict[str, Any] = Field(default_factory=dict)


class Choices(Conditional):
    """One of several values of any kind."""

    choices: Annotated[list[Any], Field(min_length=1)]

    @field_validator("choices")
    @classmethod
    def _choices_differ(cls, choices: list[Any]) -> list[Any]:
        if again := [choice for index, choice in enumerate(choices) if choice in choices[:index]]:
            raise ValueError(f"{short(again[0])} stands there twice: name each choice once")
        return choices


class Range(Conditional):
    """A number from `low` to `high`, both included, whole if all numbers here are; `log` samples its magnitude."""

    low: int | float
    high: int | float
    step: Positive | Count | None = None
    log: bool = False

    @model_validator(mode="after")
    def _from_low_to_high(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and (self.low <= 0 or self.step):
            raise ValueError("log needs a low above 0, and no step")
        steps = (self.high - self.low) / (self.step or 1)
        if self.step and abs(steps - round(steps)) > 1e-9:
            raise ValueError(f"from {self.low} to {self.high} are {steps:.4g} steps of {self.step}, no whole number")
        return self

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))


def _kind(value: Any) -> str:
    ranged = isinstance(value, Range) or (isinstance(value, dict) and {"low", "high"} & value.keys())
    return "range" if ranged else "choices"


Dimension = Annotated[Annotated[Choices, Tag("choices")] | Annotated[Range, Tag("range")], Discriminator(_kind)]


class Resources(Section):
    """What a trial needs on a cluster."""

    cpus: Count = 1
    gpus: NotNegative | Annotated[int, Field(ge=0)] = 0


class Sweep(Section):
    """Which model to vary, how, how often, and by what to choose."""

    model: Text
    space: Annotated[dict[Text, Dimension], Field(min_length=1)]
    maximise: list[Literal["validation.accuracy"]] = Field(default_factory=list)
    minimise: list[Literal["validation.loss", "parameters", "seconds_per_image"]] = Field(default_factory=list)
    trials: Annotated[Count | None, Field(description="in all; left out, a grid's whole size")] = None
    minutes: Annotated[Positive | Count | None, Field(description="after which no trial begins")] = None
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    pruner: Annotated[Literal["none", "median"], Field(description="median: ends what is below the others' median")] = (
        "none"
    )
    seed: Annotated[Seed, Field(description="of the sampler; trials train with the first of params.yaml's")] = 42
    at_once: Annotated[Count, Field(description="more than 1 needs Ray")] = 1
    resources: Resources = Resources()

    @property
    def objectives(self) -> dict[str, Literal["maximize", "minimize"]]:
        """What to choose by, and which way, as Optuna spells it."""
        return {**dict.fromkeys(self.maximise, "maximize"), **dict.fromkeys(self.minimise, "minimize")}

    @field_validator("space", mode="before")
    @classmethod
    def _list_means_choices(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {key: {"choices": value} if isinstance(value, list) else value for key, value in raw.items()}

    @field_validator("maximise", "minimise", mode="before")
    @classmethod
    def _one_or_several(cls, raw: Any) -> Any:
        values = raw if isinstance(raw, list) else [raw]
        if tested := [value for value in values if str(value).startswith("test")]:
            raise ValueError(f"{short(tested[0])}: nothing is chosen by the test split; take validation's")
        return values

    @model_validator(mode="after")
    def _keys_go_together(self) -> "Sweep":
        if not self.objectives:
            raise ValueError(f"maximise is missing, as in maximise: {ACCURACY}; or minimise")
        if not self.trials and not self.minutes and self.sampler != "grid":
            raise ValueError("trials is missing, how many there shall be; or minutes")
        if self.pruner != "none" and (len(self.objectives) > 1 or not EACH_EPOCH.keys() & self.objectives.keys()):
            raise ValueError(f"pruner: {self.pruner} needs {ACCURACY} or {LOSS} as the only objective: set it to none")
        for key, dimension in self.space.items():
            if self.sampler == "grid" and isinstance(dimension, Range) and not dimension.step:
                raise ValueError(f"space.{key} has no step, which sampler: grid needs; or list the choices")
        return self


def load(path: Path) -> Sweep:
    """Read and check a sweep's file; raise `InputError` with a line for each thing that is wrong."""
    raw = files.read_yaml(path)
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", path.stem):
        raise InputError(f"{path}: {path.stem}: a sweep's name is letters, digits, - and _: rename the file")
    try:
        return Sweep.model_validate(raw)
    except ValidationError as error:
        raise InputError("\nerror: ".join(f"{path}: {line}" for line in explain(error, raw))) from None
