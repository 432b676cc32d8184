"""The report's section on mistakes: lists of test images, the first 100 rows of each."""

import pandas as pd
from matplotlib.figure import Figure

from pipeline.addons.mistakes import ranking
from pipeline.evaluation import comparison, metrics
from pipeline.evaluation.extending import Report, Section
from pipeline.figures import failures

NEVER_RIGHT = "Images that every training gets wrong"
TEXT = f"""\
- [{NEVER_RIGHT}](failures/never_right.png) ([table](failures/never_right.csv))
{{each}}

![{NEVER_RIGHT}](failures/never_right.png)"""
LINE = (
    "- {0}: [least certain](failures/{0}/least_certain.png), tables: [mistakes](failures/{0}/mistakes.csv), "
    "[confused pairs](failures/{0}/confused_pairs.csv)"
)
EXPLAINED = {
    "never_right": failures.Words(
        NEVER_RIGHT,
        "Number: label; the class that most trainings say (how many), the label's mean probability",
        "{prediction} ({votes}), {probability:.4f}",
    ),
    "least_certain": failures.Words(
        "Images that the model is least certain of",
        "Number: label; the two most probable classes, by how much the first is more probable",
        "{prediction} or {second}, {margin:.4f}",
    ),
}


def section(report: Report) -> Section:
    """List what every training gets wrong, and of each training its mistakes and what it is least certain of."""
    trainings = comparison.by_training(report.evaluations)
    every = list(trainings.values())
    names, labels = report.class_names, every[0].test.labels
    tables = {"never_right": ranking.never_right(labels, [one.test.probabilities for one in every], names)}
    lists = {NEVER_RIGHT: tables["never_right"]}
    for name, evaluation in trainings.items():
        test = evaluation.test
        mistakes = ranking.most_confident(labels, test.probabilities, names)
        certain = ranking.least_certain(labels, test.probabilities, names)
        pairs = metrics.confused_pairs(evaluation.confusion, names)
        tables |= {f"{name}/confused_pairs": pairs, f"{name}/mistakes": mistakes, f"{name}/least_certain": certain}
        lists |= {f"{name}: its most confident mistakes": mistakes}
        lists |= {f"{name}: the images that it is least certain of": certain}
    tables = {name: table[: failures.ROWS] for name, table in tables.items()}
    files = {f"failures/{name}": report.with_files(table) for name, table in tables.items()}
    text = TEXT.format(each="\n".join(LINE.format(name) for name in trainings))
    shown = {title: table[: failures.SHOWN] for title, table in lists.items()}
    return Section("Mistakes", text, files | _figures(report, tables), shown)


def _figures(report: Report, tables: dict[str, pd.DataFrame]) -> dict[str, Figure]:
    return {
        f"failures/{name}.png": failures.listed(EXPLAINED[kind], report.images["test"], table, report.class_names)
        for name, table in tables.items()
        if (kind := name.rpartition("/")[2]) in EXPLAINED
    }
