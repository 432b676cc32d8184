"""What is wrong with a params file, in the file's own terms, from Pydantic's list of errors."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from pipeline.base.errors import short


def explain(error: ValidationError, raw: dict[str, Any]) -> list[str]:
    """Describe each error in one line: the key's dotted path in `raw`, the value, and what is allowed.

    Models take what they lack from `train`; an error in a default is told once, where it stands.
    """
    lines: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        of_model = location[:1] == ("models",) and location[2:3] == ("train",)
        inherited = of_model and len([*_path(location[:4], raw, missing=False)]) < 4  # no key of the model's own
        if not (inherited and any(other["loc"][:1] == ("train",) for other in error.errors())):
            path = ".".join(_path(location, raw, missing=detail["type"] == "missing"))
            lines.setdefault(path, _line(path, dict(detail)))
    return list(lines.values())


def _line(path: str, detail: dict[str, Any]) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), short(detail["input"])
    if kind == "missing":
        return f"{path} is missing"
    if kind == "union_tag_invalid":
        return f"{path}.name: {context['tag']!r} is not one of {context['expected_tags']}"
    if kind == "union_tag_not_found":
        return f"{path}: {value} needs a name, as in {{name: ...}}"
    if kind == "value_error":
        return f"{path}: {context['error']}" if path else str(context["error"])
    if detail["loc"][-1] == "[key]":
        return f"{path}: {value}: a model's name is letters, digits, - and _"
    if kind == "model_attributes_type":
        return f"{path}: {value}: give keys with values, as in {{name: ...}}"
    message = re.sub(r" or instance of \w+", "", detail["msg"])
    message = message.replace("a valid dictionary", "a mapping").replace("a valid list", "a list")
    return f"{path}: {value}: {message[0].lower()}{message[1:]}"


def _path(location: tuple[int | str, ...], raw: Any, *, missing: bool) -> Iterator[str]:
    """Yield the keys of a location that the file has, and the last one where it is missing.

    Pydantic also puts names of types and of union members there; the file knows nothing of those.
    """
    for index, part in enumerate(location):
        if _has(raw, part):
            yield str(part)
            raw = raw[part]
        elif missing and index == len(location) - 1:
            yield str(part)


def _has(raw: Any, part: int | str) -> bool:
    return (isinstance(raw, dict) and part in raw) or (isinstance(raw, list) and part in range(len(raw)))
