import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pipeline.figures import png


def noise() -> Figure:
    figure = Figure(figsize=(2, 2), dpi=100)
    figure.figimage(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    return figure


def test_small_figures_keep_every_colour_and_no_version_of_the_software() -> None:
    with Image.open(io.BytesIO(png.encode(noise()))) as picture:
        assert picture.mode == "RGBA"
        assert "Software" not in picture.info


def test_others_have_256_colours_near_their_own() -> None:
    full, fewer = png.encode(noise()), png.encode(noise(), most=100_000)
    picture = Image.open(io.BytesIO(fewer))
    assert len(fewer) < len(full) / 2
    assert picture.mode == "P"
    difference = np.asarray(picture.convert("RGB"), float) - np.asarray(Image.open(io.BytesIO(full)).convert("RGB"))
    assert np.abs(difference).mean() < 20


def test_same_bytes_each_time() -> None:
    assert png.encode(noise(), most=0) == png.encode(noise(), most=0)
    assert png.encode(noise()) == png.encode(noise())
