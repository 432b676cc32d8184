"""The section `export` of params.yaml: which trained models become files for other runtimes, and which files."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.base.errors import unknown_key
from pipeline.config.schema import Params
from pipeline.config.section import EachOnce, Section

ExportFormat = Literal["litert", "litert_int8", "onnx"]


class Settings(Section):
    """Models, each with all of its seeds, and the formats that they are written in."""

    models: Annotated[list[str], EachOnce]
    formats: Annotated[list[ExportFormat], Field(min_length=1), EachOnce]


def check(params: Params) -> None:
    """Raise `ValueError` for a name of no model."""
    for name in params.section("export").models:
        if name not in params.models:
            raise ValueError(f"export.models: {unknown_key(name, params.models)}")
