"""A comparison of two revisions on a terminal, in Markdown, as JSON and as a page."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pandas as pd

from pipeline.addons.compare import comparing
from pipeline.addons.compare.comparing import Compared
from pipeline.addons.compare.reading import Revision
from pipeline.base import tables, templates

MOST = 60_000  # characters of Markdown: a comment on GitHub may have 65,536
PICTURES = {"confusion": "confusion_matrix", "mistakes": "mistakes", "curves": "learning_curves"}
LISTED = 10  # images of each list, in words


@dataclass(frozen=True)
class Comparison:
    """Two revisions by name, the verdict in words, tables by title, each model compared, and the trainings after."""

    before: str
    after: str
    verdict: str
    tables: dict[str, pd.DataFrame]
    models: Mapping[str, Compared]
    trainings: Sequence[str] = ()


def compare(before: Revision, after: Revision) -> Comparison:
    """Compare two revisions."""
    found = comparing.models(before, after)
    titled = {
        "Test accuracy": comparing.accuracies_table(before, after, found),
        "Params that differ": comparing.params_table(before, after),
        "Code that differs": comparing.code_table(before, after),
        "Metrics that differ": comparing.metrics_table(before, after),
        "Time and size": comparing.costs_table(before, after),
    }
    return Comparison(before.name, after.name, comparing.verdict(found), titled, found, after.trainings)


def as_text(comparison: Comparison) -> str:
    """Write the comparison for a terminal."""
    parts = [_heading(comparison), comparison.verdict]
    parts += [f"{title}\n{tables.for_terminal(table)}" for title, table in comparison.tables.items() if len(table)]
    return "\n\n".join([*parts, *_absent(comparison), *_images(comparison)])


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


def as_json(comparison: Comparison) -> str:
    """Write the comparison for a program: names, verdict, tables as lists of rows, and the images that changed."""
    content = {
        "before": comparison.before,
        "after": comparison.after,
        "verdict": comparison.verdict,
        "tables": {title: table.to_dict("records") for title, table in comparison.tables.items()},
        "images": {
            model: one.changed.to_dict("records") for model, one in comparison.models.items() if one.changed is not None
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_page(comparison: Comparison, pictures: Mapping[str, bytes]) -> str:
    """Write the comparison as one page that opens offline; `pictures` maps captions to PNG files."""
    return templates.load("pipeline.addons.compare", "page.html.jinja").render(
        heading=_heading(comparison),
        verdict=comparison.verdict,
        tables={title: table for title, table in comparison.tables.items() if len(table)},
        absent=_absent(comparison),
        pictures={caption: base64.b64encode(png).decode() for caption, png in pictures.items()},
    )


def _markdown(comparison: Comparison, shown: Mapping[str, str], left_out: list[str], links: str) -> str:
    parts = [f"## {tables.inline(_heading(comparison))}", f"**{tables.inline(comparison.verdict)}**"]
    parts += [f"### {title}\n\n{table}" for title, table in shown.items()]
    parts += [*_absent(comparison), *map(tables.inline, _images(comparison))]
    parts += [f"Left out, too long: {title}." for title in left_out]
    parts += [f"Pictures of {tables.inline(name)}: {_pictures(name, links)}" for name in comparison.trainings]
    return "\n\n".join([*parts, f"[The report]({links}reports/README.md)"])


def _pictures(training: str, links: str) -> str:
    folder = f"{links}reports/{quote(training, safe='')}"
    return ", ".join(f"[{caption}]({folder}/{file}.png)" for caption, file in PICTURES.items())


def _heading(comparison: Comparison) -> str:
    return f"Changes: {comparison.after} against {comparison.before}"


def _absent(comparison: Comparison) -> list[str]:
    """Say what does not differ."""
    return [f"{title}: none." for title, table in comparison.tables.items() if not len(table)]


def _images(comparison: Comparison) -> list[str]:
    """List in words the images that each model gets newly right or wrong."""
    return [
        f"{model}, newly {now}: {_listed(rows)}"
        for model, one in comparison.models.items()
        if one.changed is not None
        for now, rows in one.changed.groupby("now")
    ]


def _listed(rows: pd.DataFrame) -> str:
    first = [f"{row.image} ({row.label}: {row.before} → {row.after})" for row in rows[:LISTED].itertuples()]
    return ", ".join(first) + (f" and {len(rows) - LISTED:,} more" if len(rows) > LISTED else "")
