"""What a file of `sweeps/` may hold: every key, its type and range."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from pipeline.base import files
from pipeline.base.errors import InputError, short
from pipeline.config.explain import explain
from pipeline.config.schema import Seed
from pipeline.config.section import Count, NotNegative, Positive, Section, Text

ACCURACY, LOSS, PARAMETERS, SECONDS = "validation.accuracy", "validation.loss", "parameters", "seconds_per_image"
EACH_EPOCH = {ACCURACY: "validation_accuracy", LOSS: "validation_loss"}  # columns of a training's history


class Dimension(Section):
    """What a key of a model may be: one of `choices`, or a number from `low` to `high`, both included.

    It is whole if all its numbers are; `log` samples its magnitude. It is for models whose keys are as `when` says.
    """

    choices: Annotated[list[Any], Field(min_length=1, default_factory=list)]
    low: int | float = 0
    high: int | float = 0
    step: Positive | Count | None = None
    log: bool = False
    when: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _list_means_choices(cls, raw: Any) -> Any:
        return {"choices": raw} if isinstance(raw, list) else raw

    @model_validator(mode="after")
    def _choices_or_range(self) -> "Dimension":
        if self.choices and self.model_fields_set & {"low", "high", "step", "log"}:
            raise ValueError("give choices, or low and high, not both")
        if again := [choice for index, choice in enumerate(self.choices) if choice in self.choices[:index]]:
            raise ValueError(f"{short(again[0])} stands there twice: name each choice once")
        if not self.choices and not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and (self.low <= 0 or self.step):
            raise ValueError("log needs a low above 0, and no step")
        steps = (self.high - self.low) / (self.step or 1)
        if self.step and abs(steps - round(steps)) > 1e-9:
            raise ValueError(f"from {self.low} to {self.high} are {steps:.4g} steps of {self.step}, no whole number")
        return self

    @property
    def ends(self) -> list[Any]:
        """Every choice, or the least and the greatest number."""
        return self.choices or [self.low, self.high]

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))


class Resources(Section):
    """What a trial needs on a cluster."""

    cpus: Count = 1
    gpus: NotNegative = 0


class Sweep(Section):
    """Which model to vary, how, how often, and by what to choose."""

    model: Text
    space: Annotated[dict[Text, Dimension], Field(min_length=1)]
    maximise: list[Literal["validation.accuracy"]] = Field(default_factory=list)
    minimise: list[Literal["validation.loss", "parameters", "seconds_per_image"]] = Field(default_factory=list)
    trials: Count | None = None  # in all; left out, a grid's whole size
    minutes: Positive | None = None  # after which no trial begins
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    pruner: Literal["none", "median"] = "none"
    seed: Seed = 42  # of the sampler; trials train with the first of params.yaml's
    at_once: Count = 1  # more than 1 needs Ray
    resources: Resources = Resources()

    @property
    def objectives(self) -> dict[str, Literal["maximize", "minimize"]]:
        """What to choose by, and which way, as Optuna spells it."""
        return {**dict.fromkeys(self.maximise, "maximize"), **dict.fromkeys(self.minimise, "minimize")}

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
            if self.sampler == "grid" and not dimension.choices and not dimension.step:
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
