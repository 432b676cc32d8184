"""The section `explanation` of params.yaml."""

from typing import Annotated

from pydantic import Field

from pipeline.config.section import Section


class Settings(Section):
    """How many test images are placed on a map of what is alike to the network: 0 for none."""

    images: Annotated[int, Field(ge=0)]
