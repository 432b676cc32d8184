"""The section `export` of params.yaml: which trained models become files for other runtimes, and which files."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.config.schema import Params
from pipeline.config.section import EachOnce, Section

FIGURES = ("accuracy", "changed_classes", "greatest_difference", "p_value", "bytes")  # of each format
TIMES = ("seconds_per_image", "images_per_second_1", "images_per_second_2", "images_per_second")  # others each time

ExportFormat = Literal["litert", "litert_int8", "onnx", "openvino", "saved_model"]


class Settings(Section):
    """Models, each with all of its seeds, and the formats that they are written in."""

    models: Annotated[list[str], EachOnce]
    formats: Annotated[list[ExportFormat], Field(min_length=1), EachOnce]


def check(params: Params) -> None:
    """Raise `ValueError` for a name of no model, and for what OpenVINO 2026.4 computes otherwise on a CPU.

    That is a residual sum of one channel, where two follow.
    """
    settings = params.section("export")
    params.require_models("export.models", settings.models)
    for name in settings.models:
        for index, block in enumerate(params.models[name].blocks):
            if "openvino" in settings.formats and block.residual and block.filters[-1] == 1:
                where = f"models.{name}.blocks[{index}].filters"
                raise ValueError(f"{where}: openvino computes residual blocks of 1 filter wrongly: give more")
