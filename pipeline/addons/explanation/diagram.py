"""A diagram of a network, layer by layer; the caller saves it."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

WIDTH, ROW, BOX = 7.8, 0.36, 0.25  # inches: the figure, from layer to layer, a layer's height
BOX_LEFT, BOX_RIGHT, SHAPE, BAR_LEFT, BAR_RIGHT, PARAMETERS = 0.2, 3.7, 5.1, 5.4, 6.5, 7.6
FILLS = {  # by the beginning of the kind; light, for black letters
    "Conv": "#BBDAF0",
    "Dense": "#BFE3D3",
    "Softmax": "#BFE3D3",
    "MaxPool": "#F8D9A8",
    "BatchNorm": "#EBCFE0",
    "Activation": "#F7EFA6",
    "Input": "#DDDDDD",
    "Rescaling": "#DDDDDD",
}


def network(layers: pd.DataFrame) -> Figure:
    """Draw a network from top to bottom: each layer's name, kind, output shape and parameters.

    `layers` has the columns `layer`, `kind`, `output_shape` and `parameters`. A bar shows the layer's share of all
    parameters.
    """
    total = int(layers["parameters"].sum())
    height = ROW * (len(layers) + 2)
    figure = Figure(figsize=(WIDTH, height), dpi=100)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    axes.text(BOX_LEFT, 0.9 * ROW, f"{len(layers)} layers, {total:,} parameters", fontsize=11, va="center")
    for right, heading in ((SHAPE, "output shape"), (PARAMETERS, "parameters")):
        axes.text(right, 0.95 * ROW, heading, fontsize=8, ha="right", va="center", color="#555555")
    for number, (name, kind, shape, parameters) in enumerate(layers.itertuples(index=False)):
        middle = ROW * (number + 2)
        _layer(axes, middle, name, kind, shape, parameters)
        _share(axes, middle, parameters / max(1, total))
        if number:
            _arrow(axes, middle - ROW + BOX / 2, middle - BOX / 2)
    return figure


def _layer(axes: Axes, middle: float, name: str, kind: str, shape: str, parameters: int) -> None:
    fill = next((colour for start, colour in FILLS.items() if kind.startswith(start)), "white")
    box = FancyBboxPatch(
        (BOX_LEFT, middle - BOX / 2),
        BOX_RIGHT - BOX_LEFT,
        BOX,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=fill,
        edgecolor="#777777",
        linewidth=0.8,
    )
    axes.add_patch(box)
    axes.text(BOX_LEFT + 0.1, middle, name, fontsize=9, va="center", parse_math=False)
    axes.text(BOX_RIGHT - 0.1, middle, kind, fontsize=8, ha="right", va="center", color="#444444")
    axes.text(SHAPE, middle, shape, fontsize=9, ha="right", va="center")
    colour = "black" if parameters else "#AAAAAA"
    axes.text(PARAMETERS, middle, f"{parameters:,}", fontsize=9, ha="right", va="center", color=colour)


def _share(axes: Axes, middle: float, share: float) -> None:
    width = (BAR_RIGHT - BAR_LEFT) * share
    axes.add_patch(Rectangle((BAR_LEFT, middle - 0.07), width, 0.14, facecolor="#0072B2", linewidth=0))


def _arrow(axes: Axes, start: float, end: float) -> None:
    centre = (BOX_LEFT + BOX_RIGHT) / 2
    style = {"arrowstyle": "-|>", "mutation_scale": 6, "shrinkA": 0, "shrinkB": 0, "color": "#555555", "linewidth": 0.8}
    axes.annotate("", (centre, end), (centre, start), arrowprops=style)
