"""A comparison of two revisions for a terminal and in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pandas as pd

from pipeline.addons.compare import comparing
from pipeline.addons.compare.comparing import Compared
from pipeline.addons.compare.reading import Revision
from pipeline.base import tables

MOST = 60_000  # characters of Markdown: a comment on GitHub may have 65,536
PICTURES = {"confusion": "confusion_matrix", "mistakes": "mistakes", "curves": "learning_curves"}
LISTED = 10  # images of each list


@dataclass(frozen=True)
class Comparison:
    """What two revisions are called together, the verdict, tables by title, each model compared, trainings after."""

    heading: str
    verdict: str
    tables: Mapping[str, pd.DataFrame]
    models: Mapping[str, Compared]
    trainings: Sequence[str] = ()

    @property
    def without_difference(self) -> list[str]:
        """What does not differ, in a sentence each."""
        return [f"{title}: none." for title, table in self.tables.items() if table.empty]

    @property
    def images(self) -> list[str]:
        """The images that each model gets newly right or wrong, in words."""
        return [
            f"{model}, newly {now}: {_listed(rows)}"
            for model, one in self.models.items()
            if one.changed is not None
            for now, rows in one.changed.groupby("now")
        ]


def compare(before: Revision, after: Revision) -> Comparison:
    """Compare two revisions."""
    found = comparing.all_models(before, after)
    return Comparison(
        heading=f"Changes: {after.name} against {before.name}",
        verdict=comparing.verdict(found),
        tables=comparing.tables(before, after, found),
        models=found,
        trainings=[training.name for training in after.scores],
    )


def as_text(comparison: Comparison) -> str:
    """Write the comparison for a terminal."""
    shown = [f"{title}\n{tables.for_terminal(table)}" for title, table in comparison.tables.items() if len(table)]
    parts = [comparison.heading, comparison.verdict, *shown, *comparison.without_difference, *comparison.images]
    return "\n\n".join(parts)


def as_markdown(comparison: Comparison, links: str = "") -> str:
    """Write the comparison for a pull request, in at most 60,000 characters; its links begin with `links`.

    What does not fit is left out, the longest table first, and said so.
    """
    shown = {title: tables.as_markdown(table) for title, table in comparison.tables.items() if len(table)}
    left_out: list[str] = []
    while len(text := _markdown(comparison, shown, left_out, links)) > MOST and shown:
        left_out.append(longest := max(shown, key=lambda title: len(shown[title])))
        del shown[longest]
    return text


def _markdown(comparison: Comparison, shown: Mapping[str, str], left_out: Sequence[str], links: str) -> str:
    parts = [f"## {tables.inline(comparison.heading)}", f"**{tables.inline(comparison.verdict)}**"]
    parts += [f"### {title}\n\n{table}" for title, table in shown.items()]
    parts += [*comparison.without_difference, *map(tables.inline, comparison.images)]
    parts += [f"Left out, too long: {title}." for title in left_out]
    parts += [f"Pictures of {tables.inline(name)}: {_pictures(name, links)}" for name in comparison.trainings]
    return "\n\n".join([*parts, f"[The report]({links}reports/README.md)"])


def _pictures(training: str, links: str) -> str:
    folder = f"{links}reports/{quote(training, safe='')}"
    return ", ".join(f"[{caption}]({folder}/{file}.png)" for caption, file in PICTURES.items())


def _listed(rows: pd.DataFrame) -> str:
    first = [f"{row.image} ({row.label}: {row.before} → {row.after})" for row in rows[:LISTED].itertuples()]
    return ", ".join(first) + (f" and {len(rows) - LISTED:,} more" if len(rows) > LISTED else "")
