"""What is wrong with a params file, in the file's own terms, from Pydantic's list of errors."""

import re
from typing import Any

from pydantic import ValidationError

from pipeline.base.errors import short


def explain(error: ValidationError, raw: dict[str, Any]) -> list[str]:
    """Describe each error in one line: the key's dotted path in `raw`, the value, and what is allowed.

    Models take what they lack from `train`: while that is wrong itself, nothing is said of what models make of it.
    """
    details = error.errors(include_url=False)
    if any(detail["loc"][:1] == ("train",) for detail in details):
        details = [one for one in details if (*one["loc"][:1], *one["loc"][2:3]) != ("models", "train")]
    lines: dict[str, str] = {}
    for detail in details:
        path = _path(detail["loc"], raw, missing=detail["type"] == "missing")
        lines.setdefault(path, _line(path, dict(detail)))  # the first of what each member of a union says
    return list(lines.values())


def _line(path: str, detail: dict[str, Any]) -> str:
    kind, value = detail["type"], short(detail["input"])
    if kind == "missing":
        return f"{path} is missing"
    if kind == "value_error":
        said = str(detail["ctx"]["error"])
        return f"{path}: {said}" if path else said
    if kind in ("union_tag_not_found", "model_attributes_type"):
        return f"{path}: {value}: give keys with values, as in {{name: ...}}"
    message = re.sub(r" or instance of \w+", "", detail["msg"])
    message = message.replace("a valid dictionary", "a mapping of keys to values").replace("a valid list", "a list")
    return f"{path}: {value}: {message[0].lower()}{message[1:]}"


def _path(location: tuple[int | str, ...], raw: Any, *, missing: bool) -> str:
    """Join the keys of a location that the file has, and the last one where it is missing.

    Pydantic also puts names of types and of union members there; the file knows nothing of those.
    """
    keys = []
    for key in location:
        known: Any = raw if isinstance(raw, dict) else dict(enumerate(raw)) if isinstance(raw, list) else {}
        if key in known:
            keys.append(key)
            raw = known[key]
    return ".".join(map(str, [*keys, location[-1]] if missing else keys))
