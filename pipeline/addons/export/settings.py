"""The section `export` of params.yaml: which trained models become files for other runtimes, and which files."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.config.section import EachOnce, Section

FIGURES = ("accuracy", "changed_classes", "greatest_difference", "p_value", "bytes")  # of each format
TIMES = ("seconds_per_image", "images_per_second_1", "images_per_second_2", "images_per_second")  # others each time

ExportFormat = Literal["litert", "litert_int8", "onnx", "openvino", "saved_model"]


class Export(Section):
    """Models, each with all of its seeds, and the formats that they are written in."""

    models: Annotated[list[str], EachOnce]
    formats: Annotated[list[ExportFormat], Field(min_length=1), EachOnce]
