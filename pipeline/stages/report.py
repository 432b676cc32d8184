"""Compare every model of params.yaml: `report DATA REPORTS`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline import addons
from pipeline.base import errors, files, tables
from pipeline.config import loading
from pipeline.config.schema import Params, Training
from pipeline.data import arrays
from pipeline.evaluation import metrics, records, summary
from pipeline.evaluation.extending import Document, Report, Section
from pipeline.evaluation.records import Evaluation, Evaluations
from pipeline.figures import curves, png, scores


def main() -> None:
    """Write README.md, models.json, pictures, what add-ons add; other evaluations go."""
    data, reports = map(Path, errors.arguments("DATA REPORTS"))
    params, prepared = loading.load(), data / "prepared"
    remove_others(data / "evaluations", params)
    evaluations = {model: read(data / "evaluations", params.trainings_of(model)) for model in params.models}
    stored = {split: arrays.read(prepared / split) for split in records.SPLITS}
    names = {split: arrays.names(prepared / split) for split in records.SPLITS}
    report = Report(
        params=params,
        dataset=files.read_json(prepared / "dataset.json"),
        evaluations=evaluations,
        images={split: images for split, (images, _) in stored.items()},
        labels={split: labels for split, (_, labels) in stored.items()},
        names={split: found for split, found in names.items() if found is not None},
        data=data,
        reports=reports,
    )
    write({reports / f"{name}.png": figure for name, figure in draw(evaluations).items()}, most=300_000)
    (reports / "failures").mkdir(parents=True, exist_ok=True)  # an output, also where no add-on writes there
    sections = written_sections(report)
    documents = written_documents(report, sections)
    files.write_text(reports / "README.md", summary.as_markdown(params, evaluations, sections, documents))
    files.write_json(reports / "models.json", {name: headline(seeds) for name, seeds in evaluations.items()})
    shown = next((path for path in documents if path.endswith(".html")), "README.md")
    print(f"The report: {reports}/{shown}")


def written_sections(report: Report) -> list[Section]:
    """Return the sections of add-ons, their files written."""
    found = [module.section(report) for module in addons.modules("section").values()]
    sections = [section for section in found if section]
    for section in sections:
        write({report.reports / name: content for name, content in section.files.items()})
    return sections


def written_documents(report: Report, sections: list[Section]) -> dict[str, Document]:
    """Return the documents of add-ons by their path, written."""
    documents: dict[str, Document] = {}
    for module in addons.modules("document").values():
        documents |= module.write(report, sections)
    for path, document in documents.items():
        files.write_text(report.reports / path, document.text)
    return documents


def read(folder: Path, trainings: list[Training]) -> dict[int, Evaluation]:
    """Read the evaluations of one model by seed."""
    return {
        training.seed: records.from_arrays(files.read_arrays(folder / f"{training.name}.npz")) for training in trainings
    }


def headline(seeds: Mapping[int, Evaluation]) -> dict[str, Any]:
    """Return what DVC's tables show of one model: accuracy on the test split, the mean over all seeds, and its size.

    Of several seeds, `together` holds the test scores of their networks together.
    """
    every = list(seeds.values())
    accuracy = np.mean([evaluation.scores["test"]["accuracy"] for evaluation in every])
    found = {"accuracy": round(float(accuracy), metrics.DECIMALS), "parameters": every[0].parameters}
    return found | ({"together": records.together_scores(every)} if len(every) > 1 else {})


def draw(evaluations: Evaluations) -> dict[str, Figure]:
    """Draw what compares all models, by name; of several seeds, curves are the first's, all else is of all."""
    first = {name: next(iter(seeds.values())) for name, seeds in evaluations.items()}
    class_names = next(iter(first.values())).class_names
    recalls = {
        name: np.mean([evaluation.per_class["recall"] for evaluation in seeds.values()], axis=0)
        for name, seeds in evaluations.items()
    }
    confusions = {
        name: metrics.row_normalised(np.sum([evaluation.confusion for evaluation in seeds.values()], axis=0))
        for name, seeds in evaluations.items()
    }
    return {
        "curves": curves.compare_curves({name: evaluation.history for name, evaluation in first.items()}),
        "recall": scores.compare_recall(recalls, class_names),
        "confusion": scores.compare_confusions(confusions, class_names),
    }


def write(contents: Mapping[Path, pd.DataFrame | Figure], most: float = 0) -> None:
    """Write tables as CSV, and figures as PNG, in 256 colours from so many bytes on."""
    for path, content in contents.items():
        if isinstance(content, Figure):
            files.write_bytes(path, png.encode(content, most))
        else:
            tables.write_csv(path.with_name(f"{path.name}.csv"), content)


def remove_others(folder: Path, params: Params) -> None:
    """Remove what is no longer in params.yaml, so that `folder` has the same MD5 in every clone."""
    kept = [training.name for training in params.trainings]
    for path in [path for path in folder.glob("*.npz") if path.stem not in kept]:
        path.unlink()


if __name__ == "__main__":
    errors.run(main)
