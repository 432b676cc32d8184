"""The report's section on mistakes: lists of test images, the first 100 rows of each."""

from pipeline.addons.galleries import galleries
from pipeline.addons.mistakes import ranking
from pipeline.evaluation import comparison, metrics
from pipeline.evaluation.extending import Report, ReportSection

NEVER_RIGHT = galleries.Words(
    "Images that every training gets wrong",
    "Number: label; the class that most trainings say (how many), the label's mean probability",
    "{image}: {label}\n{prediction} ({votes}), {probability:.4f}",
)
LEAST_CERTAIN = galleries.Words(
    "Images that the model is least certain of",
    "Number: label; the two most probable classes, by how much the first is more probable",
    "{image}: {label}\n{prediction} or {second}, {margin:.4f}",
)
TEXT = f"""\
- [{NEVER_RIGHT.title}](failures/never_right.png) ([table](failures/never_right.csv))
{{each}}

![{NEVER_RIGHT.title}](failures/never_right.png)"""
LINE = (
    "- {0}: [least certain](failures/{0}/least_certain.png), tables: [mistakes](failures/{0}/mistakes.csv), "
    "[confused pairs](failures/{0}/confused_pairs.csv)"
)


def section(report: Report) -> ReportSection:
    """List what every training gets wrong, and of each training its mistakes and what it is least certain of."""
    trainings = comparison.by_training(report.evaluations)
    names, labels, images = report.class_names, report.labels["test"], report.images["test"]
    every = [evaluation.test.probabilities for evaluation in trainings.values()]
    never_right = ranking.never_right(labels, every, names)
    tables, lists = {"never_right": never_right}, {NEVER_RIGHT.title: never_right}
    figures = {"never_right": galleries.listed(NEVER_RIGHT, images, never_right[: galleries.ROWS], names)}
    for name, evaluation in trainings.items():
        mistakes = ranking.most_confident(labels, evaluation.test.probabilities, names)
        certain = ranking.least_certain(labels, evaluation.test.probabilities, names)
        pairs = metrics.confused_pairs(evaluation.confusion, names)
        tables |= {f"{name}/confused_pairs": pairs, f"{name}/mistakes": mistakes, f"{name}/least_certain": certain}
        lists[f"{name}: its most confident mistakes"] = mistakes
        lists[f"{name}: the images that it is least certain of"] = certain
        figures[f"{name}/least_certain"] = galleries.listed(LEAST_CERTAIN, images, certain[: galleries.ROWS], names)
    files = {f"failures/{name}": report.with_files(table[: galleries.ROWS]) for name, table in tables.items()}
    files |= {f"failures/{name}.png": figure for name, figure in figures.items()}
    text = TEXT.format(each="\n".join(LINE.format(name) for name in trainings))
    return ReportSection("Mistakes", text, files, {title: table[: galleries.SHOWN] for title, table in lists.items()})
