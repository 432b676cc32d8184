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
from pipeline.evaluation.extending import Document, Report, Section
from pipeline.evaluation.records import Evaluation, Evaluations

HERE = Path(__file__).parent
STYLES = [HERE / "uplot/uPlot.min.css", HERE / "page.css"]
SCRIPTS = [HERE / "uplot/uPlot.iife.min.js", *sorted((HERE / "scripts").glob("*.js"))]


def write(report: Report, sections: Sequence[Section]) -> dict[str, Document]:
    """Write the page, `index.html`, once all pictures are written."""
    tables = {title: table for section in sections for title, table in section.lists.items()}
    listed = {
        caption: (report.reports / file).read_bytes()
        for section in sections
        for caption, file in section.pictures.items()
    }
    shown = {"Labels and images to look at": listed} | {
        f"Pictures of {model}": _pictures(report.reports, Training(model, seed), evaluation)
        for model, seeds in report.evaluations.items()
        for seed, evaluation in [*seeds.items()][:1]
    }
    shown = {title: pictures for title, pictures in shown.items() if pictures}
    page = build(report.params, report.evaluations, report.images["test"], tables, shown)
    return {"index.html": Document("All of this as one page, which opens offline", page)}


def _pictures(reports: Path, training: Training, evaluation: Evaluation) -> dict[str, bytes]:
    return {
        picture.caption: (reports / training.name / f"{picture.name}.png").read_bytes()
        for picture in evaluation.pictures
    }


def build(
    params: Params,
    evaluations: Evaluations,
    images: np.ndarray,
    lists: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Mapping[str, bytes]],
) -> str:
    """Write the page: `images` are the test split's, uint8 of (n, height, width, channels).

    `lists` maps titles to tables of test images, each with a column `image`, their number. `pictures` maps titles to
    PNG files by caption.
    """
    wanted = _wanted(evaluations, lists)
    sheet, trainings = sprites.sheet(images, wanted), comparison.by_training(evaluations).values()
    return templates.load("pipeline.addons.page", "page.html.jinja").render(
        comparison.contents(params, evaluations),
        calibration=_calibration(evaluations),
        robust=all("robustness" in evaluation.tables for evaluation in trainings),
        lists=list(lists),
        pictures={title: _sources(by_caption) for title, by_caption in pictures.items()},
        room=_room(wanted, sheet.numbers),
        sheet=sheet.source,
        content=content.content(evaluations, sheet, lists),
        styles=[path.read_text("utf-8") for path in STYLES],
        scripts=[path.read_text("utf-8") for path in SCRIPTS],
    )


def _calibration(evaluations: Evaluations) -> pd.DataFrame | None:
    """Tabulate each training's calibration, None where it was not measured."""
    found = {
        name: evaluation.tables["calibration"]
        for name, evaluation in comparison.by_training(evaluations).items()
        if "calibration" in evaluation.tables
    }
    return comparison.as_text(pd.concat(found, names=["training"]).reset_index("training")) if found else None


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
