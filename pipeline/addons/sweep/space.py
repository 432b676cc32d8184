"""Models from a search space: the base model of params.yaml, with values put in the places of dotted keys."""

import copy
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pipeline.addons.sweep.definition import Dimension, Sweep
from pipeline.base.errors import InputError, short
from pipeline.config.section import at

Values = dict[str, Any]
Raw = dict[str, Any]
MOST_CORNERS = 2000  # checked one by one, in a few seconds; of more, as many by chance


def model(raw: Raw, sweep: Sweep, values: Values) -> Raw:
    """Return the sweep's model with values in their places, as params.yaml would have it; `raw` is its content.

    Raise `InputError` for a key that the model has no place for.
    """
    made: Raw = copy.deepcopy(raw["models"][sweep.model])
    for key, value in values.items():
        _put(made, key, value, raw["train"])
    return made


def whole(raw: Raw, made: Raw) -> Raw:
    """Return a model with all keys of `train`, its own before those of params.yaml."""
    own = made.get("train", {})
    return made | {"train": raw["train"] | own} if isinstance(own, dict) else made


def with_model(raw: Raw, name: str, made: Raw) -> Raw:
    """Return params.yaml's content with one model more."""
    return raw | {"models": raw["models"] | {name: made}}


def chosen(raw: Raw, sweep: Sweep, choose: Callable[[str, Dimension], Any]) -> Values:
    """Choose a value for each key, in the file's order; one whose `when` does not hold has none."""
    values: Values = {}
    for key, dimension in sweep.space.items():
        so_far = whole(raw, model(raw, sweep, values))
        conditions = dimension.when.items()
        if all(at(so_far, other) in (wanted if isinstance(wanted, list) else [wanted]) for other, wanted in conditions):
            values[key] = choose(key, dimension)
    return values


def corners(raw: Raw, sweep: Sweep) -> Iterator[Values]:
    """Yield the space's corners: a choice, or an end of its range, for each key; of very many, some by chance."""
    ends = [dimension.ends for dimension in sweep.space.values()]
    picks: Iterable[Iterable[Any]] = itertools.product(*ends)
    if math.prod(map(len, ends)) > MOST_CORNERS:
        chance = random.Random(sweep.seed)
        picks = ([chance.choice(some) for some in ends] for _ in range(MOST_CORNERS))
    for pick in picks:
        picked = dict(zip(sweep.space, pick, strict=True))
        yield chosen(raw, sweep, lambda key, _, picked=picked: picked[key])  # type: ignore[misc]


def told(values: Values) -> str:
    """Write values in one line."""
    return ", ".join(f"{key} {value if isinstance(value, str) else short(value)}" for key, value in values.items())


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
