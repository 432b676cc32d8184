"""The section `label_errors` of params.yaml."""

from typing import Annotated

from pipeline.config.schema import Params
from pipeline.config.section import EachOnce, Section

FOLDS = 5  # as dvc.yaml has them


class Settings(Section):
    """Models that are trained five times more, each without a fifth of the images, to judge their labels."""

    models: Annotated[list[str], EachOnce]


def check(params: Params) -> None:
    """Raise `ValueError` for a name of no model."""
    params.require_models("label_errors.models", params.section("label_errors").models)
