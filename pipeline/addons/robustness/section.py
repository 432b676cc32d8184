"""The report's section on robustness."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.addons.galleries import galleries
from pipeline.addons.robustness import corruptions
from pipeline.base import tables
from pipeline.evaluation.extending import Report, ReportSection
from pipeline.figures.curves import style

EXPLAINED = "Accuracy on corrupted test images, from the weakest corruption to the strongest."
TEXT = """\
Accuracy on test images that are shifted, turned, noisy, blurred, pale, bright or covered, at five strengths each
([table](failures/robustness.csv), [one image in all 35 ways](failures/corruptions.png)). `robust accuracy` in the first
table is the mean of all.

![Accuracy against the strength of each corruption](failures/robustness.png)"""

COLUMNS = 4  # panels


def section(report: Report) -> ReportSection | None:
    """Compare the models' accuracies on corrupted images; None where they were not measured."""
    by_model = {
        model: table.assign(accuracy=np.mean([one.tables["robustness"]["accuracy"] for one in seeds.values()], axis=0))
        for model, seeds in report.evaluations.items()
        if (table := next(iter(seeds.values())).tables.get("robustness")) is not None
    }
    if not by_model:
        return None
    files = {
        "failures/robustness": pd.concat(by_model, names=["model"]).reset_index("model"),
        "failures/robustness.png": compare(by_model),
        "failures/corruptions.png": draw_examples(report.images["test"][:1], next(iter(by_model.values()))),
    }
    cards = {model: f"{EXPLAINED}\n\n{_by_strength(table)}" for model, table in by_model.items()}
    return ReportSection("Robustness", TEXT, files, by_model=cards)


def compare(by_model: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each model's accuracy against the strength of each corruption, a panel a corruption, and their mean.

    Tables have `corruption`, `strength` and `accuracy`, a row for each two.
    """
    wide = {model: _wide(table).rename({"mean": "mean of all"}) for model, table in by_model.items()}
    names = next(iter(wide.values())).index
    figure = Figure(figsize=(2.6 * COLUMNS, 2.5 * -(-len(names) // COLUMNS)), dpi=110, layout="constrained")
    panels = figure.subplots(-(-len(names) // COLUMNS), COLUMNS, sharex=True, sharey=True).ravel()
    for axes, name in zip(panels, names, strict=False):
        for number, (model, accuracies) in enumerate(wide.items()):
            axes.plot(accuracies.loc[name], marker="o", markersize=3, label=model, **style(number))
        axes.set_title(name, fontsize=10)
        axes.set(ylim=(0, 1.02), xticks=corruptions.STRENGTHS)
        axes.grid(alpha=0.3)
    for axes in panels[len(names) :]:
        axes.axis("off")
    figure.supxlabel("strength", fontsize=10)
    figure.supylabel("accuracy", fontsize=10)
    panels[len(names) - 1].legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def draw_examples(image: np.ndarray, table: pd.DataFrame) -> Figure:
    """Show an image, uint8 of (1, height, width, channels), corrupted as in each row of a model's table."""
    title = "A test image, corrupted in every way that robustness is measured by"
    changed = [corruptions.corrupted(image, row.corruption, row.strength) for row in table.itertuples()]
    captions = [f"{row.corruption}\n{row.change}" for row in table.itertuples()]
    return galleries.captioned(title, np.concatenate(changed), captions)


def _wide(table: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies with a row a corruption, the mean the last, and a column a strength."""
    wide = table.pivot_table("accuracy", "corruption", "strength", sort=False)
    return pd.concat([wide, wide.mean().to_frame("mean").T])


def _by_strength(table: pd.DataFrame) -> str:
    """Write accuracies with a row a corruption and a column a strength, and the mean of each."""
    wide = _wide(table).rename(columns=str)
    wide = wide.assign(mean=wide.mean(axis=1))
    return tables.as_markdown(wide.reset_index(names="corruption"))
