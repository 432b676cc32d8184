"""Whether a dataset's images are large enough for each network and its augmentation."""

import math

from pipeline.base.errors import InputError
from pipeline.config.models import Augmentation, Convolution, Model
from pipeline.config.schema import Params


def check_networks(params: Params, image_shape: tuple[int, int, int]) -> None:
    """Raise `InputError` where images of (height, width, channels) are too small for a network or its augmentation."""
    height, width, _ = image_shape
    for name, model in params.models.items():
        if model.train.augmentation:
            _check_augmentation(f"models.{name}.train.augmentation", model.train.augmentation, height, width)
        _check_maps(f"models.{name}.blocks", model, height, width)


def _check_augmentation(where: str, augmentation: Augmentation, height: int, width: int) -> None:
    if augmentation.shift_pixels >= min(height, width):
        raise InputError(f"{where}.shift_pixels: {augmentation.shift_pixels} moves an image of {height} × {width} away")
    erasing = augmentation.erasing
    if erasing and (erasing.height > height or erasing.width > width):
        size = f"{erasing.height} × {erasing.width}"
        raise InputError(f"{where}.erasing: {size} pixels do not fit an image of {height} × {width}")


def _check_maps(where: str, model: Model, height: int, width: int) -> None:
    """Follow the size of the maps through the blocks; `where` says in errors which model's they are."""
    for index, block in enumerate(model.blocks):
        for convolution in block.convolutions():
            if model.train.precision == "mixed_bfloat16":
                _check_bfloat16(f"{where}.{index}", convolution, width)
            height, width = _after_convolution(f"{where}.{index}", convolution, height, width)
        if block.pool == "max":
            if min(height, width) < 2:
                raise InputError(
                    f"{where}.{index}: the 2 × 2 pool does not fit a map of {height} × {width}; "
                    "use pool: none, padding: same, or fewer blocks"
                )
            height, width = height // 2, width // 2


def _check_bfloat16(where: str, convolution: Convolution, width: int) -> None:
    """Raise `InputError` for a convolution that TensorFlow 2.21 computes wrongly in bfloat16 on a CPU.

    It is one that pads, whose strides leave a single column, and whose kernel is wider than the map.
    """
    one_column = convolution.strides > 1 and width <= convolution.strides
    if convolution.padding == "same" and one_column and width < convolution.kernel_size:
        raise InputError(
            f"{where}: TensorFlow miscalculates a kernel_size of {convolution.kernel_size} on a map {width} wide with "
            f"strides of {convolution.strides} in bfloat16; use precision: float32, or a smaller kernel"
        )


def _after_convolution(where: str, convolution: Convolution, height: int, width: int) -> tuple[int, int]:
    """Return the height and width of a convolution's output; raise `InputError` where it has no place to stand on."""
    size = convolution.kernel_size
    if convolution.padding == "valid":
        if min(height, width) < size:
            raise InputError(
                f"{where}: a valid convolution of kernel_size {size} does not fit a map of "
                f"{height} × {width}; use padding: same, fewer pools, or a smaller kernel"
            )
        height, width = height - size + 1, width - size + 1
    return math.ceil(height / convolution.strides), math.ceil(width / convolution.strides)
