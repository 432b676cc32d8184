"""The section `robustness` of params.yaml."""

from typing import Annotated

from pydantic import Field

from pipeline.config.section import Section


class Settings(Section):
    """How many test images are corrupted in 35 ways, to score what is left: 0 for none."""

    images: Annotated[int, Field(ge=0)]
