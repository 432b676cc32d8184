"""A figure of what exported networks are worth; the caller saves it."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from pipeline.figures.curves import COLOURS


def worth(found: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw each format's test accuracy against its megabytes, and against the milliseconds that one image takes."""
    figure = Figure(figsize=(9, 3.4), dpi=120, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key, scale, label in zip(
        panels, ("bytes", "seconds_per_image"), (1e-6, 1e3), ("megabytes", "milliseconds for one image"), strict=True
    ):
        for index, (name, figures) in enumerate(found.items()):
            colour, marker = COLOURS[index % len(COLOURS)], "os^Dv<>"[index % 7]
            axes.plot(scale * figures[key], figures["accuracy"], marker, color=colour, label=name, alpha=0.8)
        axes.set(xlabel=label, xscale="log")
        axes.margins(0.15)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[0].ticklabel_format(axis="y", useOffset=False)
    panels[1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure
