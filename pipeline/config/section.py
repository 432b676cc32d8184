"""What a section of params.yaml is made of."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipeline.base.errors import unknown_key

Fraction = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]


def _no_two_alike(values: list[Any]) -> list[Any]:
    if again := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"{again[0]} stands there twice: name it once")
    return values


EachOnce = AfterValidator(_no_two_alike)  # for a list


class Section(BaseModel):
    """A mapping of params.yaml: no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, raw: Any) -> Any:
        for key in raw if isinstance(raw, dict) else ():
            if key not in cls.model_fields:
                raise ValueError(unknown_key(str(key), cls.model_fields))
        return raw


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested mappings with its dotted path."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def at(tree: Any, path: str) -> Any:
    """Return what stands at a dotted path of nested mappings and lists, None where nothing does."""
    for part in path.split("."):
        if isinstance(tree, list):
            tree = tree[int(part)] if part.isdecimal() and int(part) < len(tree) else None
        else:
            tree = tree.get(part) if isinstance(tree, dict) else None
    return tree
