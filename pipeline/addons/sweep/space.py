"""Models from a search space: the base model of params.yaml, with values put in the places of dotted keys."""

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.addons.sweep.definition import Choices, Dimension, Sweep
from pipeline.base.errors import InputError, short
from pipeline.config import loading, network_fits
from pipeline.config.schema import Params
from pipeline.config.section import at

Values = dict[str, Any]
Raw = dict[str, Any]
MOST_CORNERS = 2000  # checked one by one, in a few seconds; of more, as many by chance


def model(raw: Raw, sweep: Sweep, values: Values) -> Raw:
    """Return the sweep's model with values in their places, as params.yaml would have it; `raw` is its content."""
    made: Raw = copy.deepcopy(raw["models"][sweep.model])
    for key, value in values.items():
        _put(made, key, value, raw["train"])
    return made


def with_model(raw: Raw, name: str, made: Raw) -> Raw:
    """Return params.yaml's content with one model more."""
    return raw | {"models": raw["models"] | {name: made}}


def chosen(raw: Raw, sweep: Sweep, choose: Callable[[str, Dimension], Any]) -> Values:
    """Choose a value for each key, in the file's order; one whose `when` does not hold has none."""
    values: Values = {}
    for key, dimension in sweep.space.items():
        if _holds(raw, sweep, values, dimension):
            values[key] = choose(key, dimension)
    return values


def grid(raw: Raw, sweep: Sweep) -> Iterator[Values]:
    """Yield every combination of values of a space whose ranges have steps."""
    return _combinations(raw, sweep, _steps)


def check(raw: Raw, sweep: Sweep, name: str, source: str, image_shape: tuple[int, int, int]) -> None:
    """Raise `InputError` for a corner of the space that params may not hold, or whose network does not fit the images.

    A corner has a choice, or an end of its range, for each key. Messages begin with `source`.
    """
    if sweep.model not in raw["models"]:
        raise InputError(f"{source}: model: params.yaml has no {sweep.model}, only {', '.join(raw['models'])}")
    corners = _corners(raw, sweep, source)
    if unused := [key for key in sweep.space if not any(key in values for values in corners)]:
        raise InputError(f"{source}: space.{unused[0]}: its when {short(sweep.space[unused[0]].when)} never holds")
    for values in corners:
        where = f"{source}: with {told(values)}"
        params = validated(raw, sweep, name, values, where)
        try:
            network_fits.check_networks(params, image_shape)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None


def validated(raw: Raw, sweep: Sweep, name: str, values: Values, source: str = loading.PARAMS_FILE.name) -> Params:
    """Return checked params whose only model, `name`, has the values; raise `InputError` as `loading.load` does."""
    alone = {"models": {name: model(raw, sweep, values)}, "label_errors": {"models": []}, "gate": {}}
    alone["export"] = raw["export"] | {"models": []}
    return loading.validate(raw | alone, source)


def told(values: Values) -> str:
    """Write values in one line."""
    return ", ".join(f"{key} {value if isinstance(value, str) else short(value)}" for key, value in values.items())


def _corners(raw: Raw, sweep: Sweep, source: str) -> list[Values]:
    try:
        corners = list(itertools.islice(_combinations(raw, sweep, _ends), MOST_CORNERS + 1))
        if len(corners) > MOST_CORNERS:
            chance = random.Random(sweep.seed)
            corners = [chosen(raw, sweep, lambda _, one: chance.choice(_ends(one))) for _ in range(MOST_CORNERS)]
        for values in corners:
            model(raw, sweep, values)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    return corners


def _combinations(raw: Raw, sweep: Sweep, options: Callable[[Dimension], list[Any]]) -> Iterator[Values]:
    def continued(values: Values, keys: list[str]) -> Iterator[Values]:
        if not keys:
            yield values
        elif _holds(raw, sweep, values, sweep.space[keys[0]]):
            for value in options(sweep.space[keys[0]]):
                yield from continued(values | {keys[0]: value}, keys[1:])
        else:
            yield from continued(values, keys[1:])

    return continued({}, list(sweep.space))


def _ends(dimension: Dimension) -> list[Any]:
    return dimension.choices if isinstance(dimension, Choices) else [dimension.low, dimension.high]


def _steps(dimension: Dimension) -> list[Any]:
    if isinstance(dimension, Choices):
        return dimension.choices
    step = dimension.step or 1  # a sweep by grid has one, or is refused
    count = round((dimension.high - dimension.low) / step)
    numbers = [dimension.low + index * step for index in range(count + 1)]
    return numbers if dimension.whole else [float(f"{number:.10g}") for number in numbers]


def _holds(raw: Raw, sweep: Sweep, values: Values, dimension: Dimension) -> bool:
    """Say whether a model that has `values` so far is one that the dimension is for."""
    made = model(raw, sweep, values)
    own = made.get("train", {})
    whole = made | {"train": raw["train"] | own} if isinstance(own, dict) else made
    return all(
        at(whole, key) in (wanted if isinstance(wanted, list) else [wanted]) for key, wanted in dimension.when.items()
    )


def _put(made: Raw, key: str, value: Any, defaults: Raw) -> None:
    """Put a value where a dotted key says; what it replaces a part of is taken from `defaults` if it stands there."""
    *parents, last = key.split(".")
    if parents[:1] == ["train"] and isinstance(train := made.setdefault("train", {}), dict):
        first = key.split(".")[1]
        train.setdefault(first, copy.deepcopy(defaults.get(first)))
    place: Any = made
    for part in parents:
        if isinstance(place, dict) and place.get(part) is None:
            place[part] = {}
        place = place[_index(place, part, key)]
    place[_index(place, last, key)] = copy.deepcopy(value)


def _index(place: Any, part: str, key: str) -> str | int:
    """Return by what a mapping or a list has a part of a dotted key."""
    if isinstance(place, dict):
        return part
    if not isinstance(place, list):
        raise InputError(f"space.{key}: the model has {short(place)} where {part} should be")
    if not part.isdecimal() or int(part) >= len(place):
        raise InputError(f"space.{key}: the model's list has 0 to {len(place) - 1} there, no {part}")
    return int(part)
