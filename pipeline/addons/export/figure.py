"""A figure of what exported networks are worth; the caller saves it."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from pipeline.figures.curves import COLOURS, MARKERS

LEAST = 0.001  # of accuracy, above and below the points: less than this is chance


def worth(found: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw each format's test accuracy against its megabytes, and against the milliseconds that one image takes."""
    figure = Figure(figsize=(9, 3.4), dpi=120, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key, scale, label in zip(
        panels, ("bytes", "seconds_per_image"), (1e-6, 1e3), ("megabytes", "milliseconds for one image"), strict=True
    ):
        for index, (name, figures) in enumerate(found.items()):
            colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
            axes.plot(scale * figures[key], figures["accuracy"], marker, color=colour, label=name, alpha=0.8)
        axes.set(xlabel=label, xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(0.15)
        axes.grid(alpha=0.3)
    accuracies = [figures["accuracy"] for figures in found.values()]
    panels[0].set(ylabel="test accuracy", ylim=(min(accuracies) - LEAST, max(accuracies) + LEAST))
    panels[0].yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    panels[0].yaxis.set_major_formatter("{x:.4f}")
    panels[1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure
