"""The only reader of params.yaml: typed, strict, and quick to say what is wrong.

`python -m pipeline.params [FILE]` checks a params file by itself.
"""

import math
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline import files
from pipeline.errors import InputError, run
from pipeline.explain import explain
from pipeline.schema import Augmentation, Model, Params

PARAMS_FILE = Path("params.yaml")


def load(path: Path = PARAMS_FILE) -> Params:
    """Read and check a whole params file; raise `InputError` with a line for each thing that is wrong."""
    return validate(files.read_yaml(path), str(path))


def validate(raw: dict[str, Any], source: str = PARAMS_FILE.name) -> Params:
    """Check plain mappings as `load` does; messages begin with `source`."""
    try:
        return Params.model_validate(_with_train_defaults(raw))
    except ValidationError as error:
        raise InputError("\nerror: ".join(f"{source}: {line}" for line in explain(error, raw))) from None


def check_networks(params: Params, image_shape: tuple[int, int, int]) -> None:
    """Raise `InputError` where images of (height, width, channels) are too small for a network or its augmentation."""
    height, width, _ = image_shape
    for name, model in params.models.items():
        _check_augmentation(f"models.{name}.train.augmentation", model.train.augmentation, height, width)
        _check_maps(f"models.{name}.blocks", model, height, width)


def _check_augmentation(where: str, augmentation: Augmentation | None, height: int, width: int) -> None:
    if augmentation and augmentation.shift_pixels >= min(height, width):
        raise InputError(f"{where}.shift_pixels: {augmentation.shift_pixels} moves an image of {height} × {width} away")
    erasing = augmentation and augmentation.erasing
    if erasing and (erasing.height > height or erasing.width > width):
        size = f"{erasing.height} × {erasing.width}"
        raise InputError(f"{where}.erasing: {size} pixels do not fit an image of {height} × {width}")


def _check_maps(where: str, model: Model, height: int, width: int) -> None:
    bfloat16 = model.train.precision == "mixed_bfloat16"
    for index, block in enumerate(model.blocks):
        for convolution in block.convolutions():
            size = convolution.kernel_size
            if convolution.padding == "valid":
                if min(height, width) < size:
                    raise InputError(
                        f"{where}.{index}: a valid convolution of kernel_size {size} does not fit a map of "
                        f"{height} × {width}; use padding: same, fewer pools, or a smaller kernel"
                    )
                height, width = height - size + 1, width - size + 1
            elif bfloat16 and 1 < convolution.strides >= width < size:
                raise InputError(
                    f"{where}.{index}: TensorFlow miscalculates a kernel_size of {size} on a map {width} wide with "
                    f"strides of {convolution.strides} in bfloat16; use precision: float32, or a smaller kernel"
                )
            height, width = (math.ceil(side / convolution.strides) for side in (height, width))
        if block.pool != "none":
            if min(height, width) < 2:
                raise InputError(
                    f"{where}.{index}: the 2 × 2 pool does not fit a map of {height} × {width}; "
                    "use pool: none, padding: same, or fewer blocks"
                )
            height, width = height // 2, width // 2


def _with_train_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """Give each model the whole of `train`, its own keys first."""
    models, defaults = raw.get("models"), raw.get("train")
    if not isinstance(models, dict) or not isinstance(defaults, dict):
        return raw
    return raw | {"models": {name: _merged(model, defaults) for name, model in models.items()}}


def _merged(model: Any, defaults: dict[str, Any]) -> Any:
    own = model.get("train", {}) if isinstance(model, dict) else None
    return model | {"train": defaults | own} if isinstance(own, dict) else model


def main() -> None:
    """Check the file named on the command line, params.yaml if none is."""
    from pipeline import datasets  # type: ignore[attr-defined, unused-ignore]  # here, so that a stage that reads params does not depend on every dataset's code

    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PARAMS_FILE
    params = load(path)
    if shape := datasets.image_shape(params.fetch):
        check_networks(params, shape)
    print(f"{path}: {len(params.models)} models, nothing wrong: {', '.join(params.models)}")


if __name__ == "__main__":
    run(main)
