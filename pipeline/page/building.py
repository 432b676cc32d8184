"""Fills in the template of the page."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.base import templates
from pipeline.evaluation import comparison
from pipeline.evaluation.comparison import Evaluations
from pipeline.page import content, sprites

HERE = Path(__file__).parent


def build(dataset: str, evaluations: Evaluations, images: np.ndarray, lists: Mapping[str, pd.DataFrame]) -> str:
    """Write the page: `images` are the test split's, uint8 of (n, height, width, channels).

    `lists` maps titles to tables of test images, each with a column `image`, their number.
    """
    sheet = sprites.sheet(images, _wanted(evaluations, lists))
    several = len(evaluations) > 1
    return templates.load("pipeline.page", "page.html.jinja").render(
        dataset=dataset,
        verdict=comparison.verdict(evaluations),
        models=comparison.models_table(evaluations),
        note=comparison.note(evaluations),
        differences=comparison.differences_table(evaluations) if several else None,
        caveat=comparison.caveat(evaluations),
        trust=comparison.trust_table(evaluations),
        robust=all(evaluation.robustness is not None for evaluation in comparison.by_training(evaluations).values()),
        mapped=all(evaluation.embedding is not None for evaluation in comparison.by_training(evaluations).values()),
        lists=list(lists),
        shown=len(sheet.numbers),
        images=len(images),
        sheet=sheet.source,
        content=content.content(evaluations, sheet, lists),
        styles=[_text("uplot/uPlot.min.css"), _text("page.css")],
        scripts=[_text("uplot/uPlot.iife.min.js"), *map(_script, sorted((HERE / "scripts").glob("*.js")))],
    )


def _wanted(evaluations: Evaluations, lists: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """Tell which images a page may not do without: those that a training gets wrong, and those of the lists."""
    wrong = [~evaluation.right for evaluation in comparison.by_training(evaluations).values()]
    wanted = np.any(wrong, axis=0)
    for table in lists.values():
        wanted[table["image"].to_numpy(int)] = True
    return np.asarray(wanted)


def _script(path: Path) -> str:
    return _text(f"scripts/{path.name}")


def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")
