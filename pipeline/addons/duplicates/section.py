"""The report's section on duplicates."""

from pipeline.addons.duplicates import figure
from pipeline.base import tables
from pipeline.evaluation.extending import Report, Section

TITLE = "Images that are there twice"
TEXT = "[Pairs of duplicates](failures/duplicates.png), in one split or in two ([table](failures/duplicates.csv))."


def section(report: Report) -> Section:
    """Show the pairs that the stage `duplicates` found."""
    table = tables.read_text_csv(report.data / "duplicates.csv")
    files = {
        "failures/duplicates": report.with_files(table),
        "failures/duplicates.png": figure.pairs(report.images, table, report.class_names),
    }
    return Section(TITLE, TEXT, files, pictures={TITLE: "failures/duplicates.png"})
