import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pipeline.figures import png


def noise() -> Figure:
    figure = Figure(figsize=(2, 2), dpi=100)
    figure.figimage(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    return figure


def test_figures_have_256_colours_near_their_own_and_no_version_of_the_software() -> None:
    content = io.BytesIO()
    noise().savefig(content)
    picture = Image.open(io.BytesIO(png.encode(noise())))
    assert picture.mode == "P"
    assert "Software" not in picture.info
    difference = np.asarray(picture.convert("RGB"), float) - np.asarray(Image.open(content).convert("RGB"))
    assert np.abs(difference).mean() < 20


def test_same_bytes_each_time() -> None:
    assert png.encode(noise()) == png.encode(noise())
