"""Fills in the template of the page."""

import base64
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from pipeline.base import templates
from pipeline.config.schema import Params
from pipeline.evaluation import comparison, settings
from pipeline.evaluation.comparison import Evaluations
from pipeline.page import content, sprites

HERE = Path(__file__).parent


def build(
    params: Params,
    evaluations: Evaluations,
    images: np.ndarray,
    lists: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Mapping[str, bytes]] = MappingProxyType({}),
) -> str:
    """Write the page: `images` are the test split's, uint8 of (n, height, width, channels).

    `lists` maps titles to tables of test images, each with a column `image`, their number. `pictures` maps titles to
    PNG files by caption.
    """
    wanted = _wanted(evaluations, lists)
    sheet = sprites.sheet(images, wanted)
    several = len(evaluations) > 1
    return templates.load("pipeline.page", "page.html.jinja").render(
        dataset=params.fetch.dataset_name,
        verdict=comparison.verdict(evaluations),
        models=comparison.models_table(evaluations),
        note=comparison.note(evaluations),
        settings=settings.table(params),
        differences=comparison.differences_table(evaluations) if several else None,
        caveat=comparison.caveat(evaluations),
        trust=comparison.trust_table(evaluations),
        robust=all(evaluation.robustness is not None for evaluation in comparison.by_training(evaluations).values()),
        mapped=all(evaluation.embedding is not None for evaluation in comparison.by_training(evaluations).values()),
        lists=list(lists),
        pictures={title: _sources(by_caption) for title, by_caption in pictures.items()},
        room=_room(wanted, sheet.numbers),
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


def _room(wanted: np.ndarray, numbers: np.ndarray) -> str:
    """Say which test images the page has pictures of."""
    if len(numbers) == len(wanted):
        return f"All {len(wanted):,} test images are in this page."
    some = "all" if wanted[numbers].sum() == wanted.sum() else "some"
    return (
        f"{len(numbers):,} of {len(wanted):,} test images are in this page as pictures: {some} of the {wanted.sum():,} "
        "that a training gets wrong or a list names, and as many of the others as there is room for, at even distances."
    )


def _sources(by_caption: Mapping[str, bytes]) -> dict[str, str]:
    return {caption: f"data:image/png;base64,{base64.b64encode(png).decode()}" for caption, png in by_caption.items()}


def _script(path: Path) -> str:
    return _text(f"scripts/{path.name}")


def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")
