"""What a file of `sweeps/` may hold: every key, its type and range."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from pydantic import Field, ValidationError, model_validator

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.explain import explain
from pipeline.config.schema import Seed
from pipeline.config.section import Count, EachOnce, Positive, Section, Text

ACCURACY, LOSS, PARAMETERS = SCORES = "validation.accuracy", "validation.loss", "parameters"
DIGITS = 6  # of a sampled number, so that params.yaml stays readable


class Dimension(Section):
    """What a key of a model may be: one of `choices`, or a number from `low` to `high`, both included.

    It is whole if all its numbers are; `log` samples its magnitude.
    """

    choices: Annotated[list[Any], Field(min_length=1), EachOnce] | None = None
    low: int | float = 0
    high: int | float = 0
    step: Positive | Count | None = None
    log: bool = False

    @model_validator(mode="before")
    @classmethod
    def _list_means_choices(cls, raw: Any) -> Any:
        return {"choices": raw} if isinstance(raw, list) else raw

    @model_validator(mode="after")
    def _optuna_takes_it(self) -> "Dimension":
        if (self.choices is None) != (self.low < self.high):
            raise ValueError("give a list of choices, or a low and a greater high")
        self.distribution()
        return self

    @property
    def ends(self) -> list[Any]:
        """Every choice, or the least and the greatest number."""
        return self.choices or [self.low, self.high]

    def distribution(self) -> BaseDistribution:
        """Return what Optuna samples from, which knows choices as JSON."""
        if self.choices:
            return CategoricalDistribution([json.dumps(choice) for choice in self.choices])
        if all(isinstance(number, int) for number in (self.low, self.high, self.step or 1)):
            return IntDistribution(int(self.low), int(self.high), self.log, int(self.step or 1))
        return FloatDistribution(self.low, self.high, self.log, self.step)

    def value(self, sampled: Any) -> Any:
        """Return what stands in params.yaml for what Optuna sampled."""
        if self.choices:
            return json.loads(sampled)
        if isinstance(sampled, int):
            return sampled
        return min(max(float(f"{sampled:.{DIGITS}g}"), self.low), self.high)


class Sweep(Section):
    """Which model to vary, how, how often, and by what to choose."""

    model: Text
    space: Annotated[dict[Text, Dimension], Field(min_length=1)]
    objective: Literal["validation.accuracy", "validation.loss"] = "validation.accuracy"
    trials: Count  # at most: fewer where the space has no more
    pruner: Literal["none", "median"] = "none"
    seed: Seed = 42  # of the sampler; trials train with the first of params.yaml's
    at_once: Count = 1  # more than 1 needs Ray

    @property
    def direction(self) -> StudyDirection:
        """Which way the objective is better."""
        return StudyDirection.MAXIMIZE if self.objective == ACCURACY else StudyDirection.MINIMIZE


def load(path: Path) -> Sweep:
    """Read and check a sweep's file; raise `InputError` with a line for each thing that is wrong."""
    raw = files.read_yaml(path)
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", path.stem):
        raise InputError(f"{path}: {path.stem}: a sweep's name is letters, digits, - and _: rename the file")
    try:
        return Sweep.model_validate(raw)
    except ValidationError as error:
        raise InputError("\nerror: ".join(f"{path}: {line}" for line in explain(error, raw))) from None
