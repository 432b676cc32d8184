"""scikit-learn's bundled digits, which need no file."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.decoders.reading import Splits, labelled


def decode(_: list[Path]) -> Splits:
    """Enlarge the 8 × 8 digits, of levels 0 to 16, to 28 × 28 pixels of 8 bits (bicubic)."""
    from PIL import Image  # here, with scikit-learn: other datasets need neither
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    small = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((28, 28), Image.Resampling.BICUBIC)) for image in small]
    return {"train": labelled(np.stack(large), bunch.target, "digits")}
