"""Compare every model of params.yaml: `report DATA REPORTS`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline import addons
from pipeline.base import errors, files, tables
from pipeline.config import loading
from pipeline.config.schema import Params
from pipeline.data import arrays
from pipeline.evaluation import metrics, records, summary
from pipeline.evaluation.extending import Document, Report, ReportSection
from pipeline.evaluation.records import Evaluation, Evaluations
from pipeline.figures import curves, png, scores


def main() -> None:
    """Write README.md, models.json, pictures, and what add-ons add."""
    data, reports = map(Path, errors.arguments("DATA REPORTS"))
    params = loading.load()
    report = read(params, data, reports)
    write(reports, {f"{name}.png": figure for name, figure in draw(report.evaluations).items()})
    (reports / "failures").mkdir(parents=True, exist_ok=True)  # an output, also where no add-on writes there
    sections = written_sections(report)
    documents = written_documents(report, sections)
    files.write_text(reports / "README.md", summary.as_markdown(params, report.evaluations, sections, documents))
    files.write_json(reports / "models.json", {name: headline(seeds) for name, seeds in report.evaluations.items()})
    shown = next((path for path in documents if path.endswith(".html")), "README.md")
    print(f"The report: {reports}/{shown}")


def read(params: Params, data: Path, reports: Path) -> Report:
    """Read the evaluations of all models, and what they were evaluated on."""
    evaluations: dict[str, dict[int, Evaluation]] = {model: {} for model in params.models}
    for training in params.trainings:
        found = files.read_arrays(data / "evaluations" / f"{training.name}.npz")
        evaluations[training.model][training.seed] = records.from_arrays(found)
    warn_of_others(data / "evaluations", [training.name for training in params.trainings])
    prepared = data / "prepared"
    stored = {split: arrays.read(prepared / split) for split in records.SPLITS}
    names = {split: arrays.names(prepared / split) for split in records.SPLITS}
    return Report(
        params=params,
        dataset=files.read_json(prepared / "dataset.json"),
        evaluations=evaluations,
        images={split: images for split, (images, _) in stored.items()},
        labels={split: labels for split, (_, labels) in stored.items()},
        names={split: found for split, found in names.items() if found is not None},
        data=data,
        reports=reports,
    )


def warn_of_others(folder: Path, trainings: Sequence[str]) -> None:
    """Say which evaluations params.yaml no longer asks for: DVC leaves them, and the folder's MD5 tells of them."""
    for path in sorted(folder.glob("*.npz")):
        if path.stem not in trainings:
            why = "params.yaml no longer asks for it, and dvc.lock will differ from a clone's"
            print(f"warning: {path}: {why}: delete it and run `dvc repro`", file=sys.stderr)


def written_sections(report: Report) -> list[ReportSection]:
    """Return the sections of add-ons, their files written."""
    found = [module.section(report) for module in addons.modules("section").values()]
    sections = [section for section in found if section]
    for section in sections:
        write(report.reports, section.files)
    return sections


def written_documents(report: Report, sections: list[ReportSection]) -> dict[str, Document]:
    """Return the documents of add-ons by their path, written."""
    documents: dict[str, Document] = {}
    for module in addons.modules("document").values():
        documents |= module.write(report, sections)
    for path, document in documents.items():
        files.write_text(report.reports / path, document.text)
    return documents


def headline(seeds: Mapping[int, Evaluation]) -> dict[str, Any]:
    """Return what DVC's tables show of one model: accuracy on the test split, the mean over all seeds, and its size.

    Of several seeds, `together` holds the test accuracy and loss of their networks together.
    """
    every = list(seeds.values())
    accuracy = np.mean([evaluation.scores["test"]["accuracy"] for evaluation in every])
    found: dict[str, Any] = {"accuracy": round(float(accuracy), metrics.DECIMALS), "parameters": every[0].parameters}
    if len(every) > 1:
        test = records.together(every).test
        found["together"] = metrics.headline(test.labels, test.probabilities)
    return found


def draw(evaluations: Evaluations) -> dict[str, Figure]:
    """Draw what compares all models, by name; of several seeds, curves are the first's, confusion is of all."""
    first = {model: next(iter(seeds.values())) for model, seeds in evaluations.items()}
    confusions = {
        model: metrics.row_normalised(np.sum([evaluation.confusion for evaluation in seeds.values()], axis=0))
        for model, seeds in evaluations.items()
    }
    class_names = next(iter(first.values())).class_names
    return {
        "curves": curves.compare_curves({model: evaluation.history for model, evaluation in first.items()}),
        "confusion": scores.compare_confusions(confusions, class_names),
    }


def write(folder: Path, contents: Mapping[str, pd.DataFrame | Figure]) -> None:
    """Write tables as CSV, and figures as PNG, by path."""
    for path, content in contents.items():
        if isinstance(content, Figure):
            files.write_bytes(folder / path, png.encode(content))
        else:
            tables.write_csv(folder / f"{path}.csv", content)


if __name__ == "__main__":
    errors.run(main)
