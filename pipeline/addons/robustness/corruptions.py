"""Images corrupted as by a bad camera: in seven ways at five strengths each, and the accuracy that is left.

The idea is ImageNet-C's (Hendrycks & Dietterich 2019) and MNIST-C's (Mu & Gilmer 2019). Images are uint8 of
(n, height, width, channels), and so is what a corruption returns; lengths are fractions of the longer side.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import ndimage

Corruption = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
SEED = 0  # the same for all models, so that they meet the same images
DIRECTIONS = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def shift(images: np.ndarray, fraction: float, random: np.random.Generator) -> np.ndarray:
    """Move each image in one of eight directions; its edge pixels fill what is left behind."""
    length, chosen = fraction * max(images.shape[1:3]), random.integers(0, len(DIRECTIONS), len(images))
    moved = np.empty_like(images)
    for number, (down, right) in enumerate(DIRECTIONS):
        some = chosen == number
        moved[some] = ndimage.shift(images[some], (0, down * length, right * length, 0), order=1, mode="nearest")
    return moved


def rotation(images: np.ndarray, degrees: float, random: np.random.Generator) -> np.ndarray:
    """Turn each image about its middle, one way or the other."""
    turned, clockwise = np.empty_like(images), random.random(len(images)) < 0.5
    for some, angle in ((clockwise, degrees), (~clockwise, -degrees)):
        turned[some] = ndimage.rotate(images[some], angle, axes=(1, 2), reshape=False, order=1, mode="nearest")
    return turned


def noise(images: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """Add normal noise to each value; the deviation is a fraction of 255."""
    return _whole(images + 255 * deviation * random.standard_normal(images.shape))


def blur(images: np.ndarray, fraction: float, _: np.random.Generator) -> np.ndarray:
    """Blur by a Gaussian of so large a standard deviation."""
    sigma = fraction * max(images.shape[1:3])
    return _whole(ndimage.gaussian_filter(images.astype(np.float64), (0, sigma, sigma, 0), mode="nearest"))


def contrast(images: np.ndarray, kept: float, _: np.random.Generator) -> np.ndarray:
    """Keep so much of each value's difference from the image's mean."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return _whole(mean + kept * (images - mean))


def brightness(images: np.ndarray, fraction: float, _: np.random.Generator) -> np.ndarray:
    """Add a fraction of 255 to each value."""
    return _whole(images + 255 * fraction)


def occlusion(images: np.ndarray, fraction: float, random: np.random.Generator) -> np.ndarray:
    """Cover a square, so wide and at a random place wholly inside, with middle grey."""
    count, height, width = images.shape[:3]
    side = max(1, min(height, width, round(fraction * max(height, width))))
    top, left = (random.integers(0, room - side + 1, count)[:, None, None] for room in (height, width))
    rows, columns = np.arange(height)[None, :, None], np.arange(width)[None, None, :]
    covered = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return np.where(covered[..., None], np.uint8(128), images)


CORRUPTIONS: dict[str, tuple[Corruption, tuple[float, ...], str]] = {  # with five strengths, and how each is called
    "shift": (shift, (0.04, 0.08, 0.12, 0.16, 0.2), "by {:.0%}"),
    "rotation": (rotation, (6, 12, 18, 24, 30), "by {:.0f}°"),
    "noise": (noise, (0.04, 0.08, 0.12, 0.16, 0.2), "deviation {:.0%}"),
    "blur": (blur, (0.02, 0.03, 0.04, 0.05, 0.06), "deviation {:.0%}"),
    "contrast": (contrast, (0.75, 0.6, 0.45, 0.3, 0.15), "{:.0%} kept"),
    "brightness": (brightness, (0.08, 0.16, 0.24, 0.32, 0.4), "{:.0%} added"),
    "occlusion": (occlusion, (0.15, 0.22, 0.3, 0.37, 0.45), "{:.0%} wide"),
}
STRENGTHS = range(1, 6)


def corrupted(images: np.ndarray, name: str, strength: int) -> np.ndarray:
    """Return images corrupted by a corruption at a strength of 1 to 5, always the same way."""
    corrupt, values, _ = CORRUPTIONS[name]
    random = np.random.default_rng([SEED, list(CORRUPTIONS).index(name), strength])
    return corrupt(images, values[strength - 1], random)


def robustness(predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Tabulate the accuracy on corrupted images, a row a corruption and strength.

    `predict` maps images to probabilities of (n, classes); labels are integers of (n,). Columns: `corruption`,
    `strength` from 1 to 5, `change`, what that is in words, and `accuracy`.
    """
    rows = []
    for name, (_, values, form) in CORRUPTIONS.items():
        # all strengths at once: a call of `predict` takes a while to begin
        changed = np.concatenate([corrupted(images, name, strength) for strength in STRENGTHS])
        right = predict(changed).argmax(axis=1).reshape(len(STRENGTHS), -1) == labels
        shares = zip(STRENGTHS, values, right.mean(axis=1).tolist(), strict=True)
        rows += [(name, strength, form.format(value), share) for strength, value, share in shares]
    return pd.DataFrame(rows, columns=["corruption", "strength", "change", "accuracy"])


def _whole(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
