"""The report's section on robustness."""

import numpy as np
import pandas as pd

from pipeline.addons.robustness import corruptions, figure
from pipeline.base import tables
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Report, Section

EXPLAINED = "Accuracy on corrupted test images, from the weakest corruption to the strongest."
TEXT = """\
Accuracy on test images that are shifted, turned, noisy, blurred, pale, bright or covered, at five strengths each
([table](failures/robustness.csv), [one image in all 35 ways](failures/corruptions.png)). `robust accuracy` in the first
table is the mean of all.

![Accuracy against the strength of each corruption](failures/robustness.png)"""


def section(report: Report) -> Section | None:
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
        "failures/robustness.png": figure.compare(by_model),
        "failures/corruptions.png": figure.corruptions(*corruptions.every(report.images["test"][:1])),
    }
    cards = {model: f"{EXPLAINED}\n\n{_by_strength(table)}" for model, table in by_model.items()}
    return Section("Robustness", TEXT, files, by_model=cards)


def _by_strength(table: pd.DataFrame) -> str:
    """Write accuracies with a row a corruption and a column a strength, and the mean of each."""
    wide = table.pivot_table("accuracy", "corruption", "strength", sort=False)
    wide = wide.assign(mean=wide.mean(axis=1)).rename(columns=str)
    return tables.as_markdown(comparison.as_text(wide.reset_index(names="corruption")))
