"""The report's section on label errors."""

from pipeline.addons.galleries import galleries
from pipeline.addons.label_errors import finding
from pipeline.evaluation import comparison
from pipeline.evaluation.extending import Report, ReportSection

TITLE = "Labels that are likely wrong"
EXPLAINED = galleries.Words(
    "Images whose label is likely wrong",
    "Number: label; the class that the models suggest, the quality of the label from 0 to 1",
    "{image}: {label}\n{suggested}? {quality:.4f}",
)
UNSEEN = {"test": "of the test split", "validation": "of the validation part"}  # what no network has learnt from


def section(report: Report) -> ReportSection:
    """List the label errors of the splits that no network has learnt from."""
    every = list(comparison.by_training(report.evaluations).values())
    lines, files, tables = [], {}, {}
    for split in (split for split in UNSEEN if split in every[0].splits):
        predicted = [evaluation.splits[split].probabilities for evaluation in every]
        table = finding.table(report.labels[split], predicted, report.class_names)[: galleries.ROWS]
        tables[split], path = table, f"failures/label_errors_{split}"
        files[path] = report.with_files(table, split)
        files[f"{path}.png"] = galleries.listed(EXPLAINED, report.images[split], table, report.class_names)
        lines.append(f"- [{UNSEEN[split]}]({path}.png), found by cleanlab ([table]({path}.csv))")
    lists = {TITLE: tables["test"][: galleries.SHOWN]}
    pictures = {
        f"{TITLE}, {UNSEEN[split]}": f"failures/label_errors_{split}.png" for split in tables if split != "test"
    }
    return ReportSection(TITLE, "\n".join(lines), files, lists, pictures)
