"""Fills in the template of the page."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.addons.page import content, sprites
from pipeline.base import templates
from pipeline.config.schema import Params, Training
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Document, Report, ReportSection
from pipeline.evaluation.records import Evaluation, Evaluations

HERE = Path(__file__).parent
STYLES = [HERE / "uplot/uPlot.min.css", HERE / "page.css"]
SCRIPTS = [HERE / "uplot/uPlot.iife.min.js", *sorted((HERE / "scripts").glob("*.js"))]


def write(report: Report, sections: Sequence[ReportSection]) -> dict[str, Document]:
    """Write the page, `index.html`, once all pictures are written."""
    lists = {title: table for section in sections for title, table in section.lists.items()}
    files = {caption: report.reports / file for section in sections for caption, file in section.pictures.items()}
    pictures = {"Labels and images to look at": files}
    for model, seeds in report.evaluations.items():
        seed, evaluation = next(iter(seeds.items()))
        folder = report.reports / Training(model, seed).name
        pictures[f"Pictures of {model}"] = {
            picture.caption: folder / f"{picture.name}.png" for picture in evaluation.pictures
        }
    page = build(report.params, report.evaluations, report.images["test"], lists, pictures)
    return {"index.html": Document("All of this as one page, which opens offline", page)}


def build(
    params: Params,
    evaluations: Evaluations,
    images: np.ndarray,
    lists: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Mapping[str, Path]],
) -> str:
    """Write the page: `images` are the test split's, uint8 of (n, height, width, channels).

    `lists` maps titles to tables of test images, each with a column `image`, their number. `pictures` maps titles to
    PNG files by caption.
    """
    sheet, trainings = sprites.sheet(images), comparison.by_training(evaluations)
    return templates.load("pipeline.addons.page", "page.html.jinja").render(
        comparison.contents(params, evaluations),
        calibration=_calibration(trainings),
        robust=all("robustness" in evaluation.tables for evaluation in trainings.values()),
        lists=list(lists),
        pictures={title: _sources(by_caption) for title, by_caption in pictures.items() if by_caption},
        test_images=len(images),
        sheet=sheet.source,
        content=content.content(evaluations, sheet, lists),
        styles=[path.read_text("utf-8") for path in STYLES],
        scripts=[path.read_text("utf-8") for path in SCRIPTS],
    )


def _calibration(trainings: Mapping[str, Evaluation]) -> pd.DataFrame | None:
    """Tabulate each training's calibration, None where it was not measured."""
    found = {name: one.tables["calibration"] for name, one in trainings.items() if "calibration" in one.tables}
    return pd.concat(found, names=["training"]).reset_index("training") if found else None


def _sources(by_caption: Mapping[str, Path]) -> dict[str, str]:
    encoded = {caption: base64.b64encode(path.read_bytes()).decode() for caption, path in by_caption.items()}
    return {caption: f"data:image/png;base64,{text}" for caption, text in encoded.items()}
