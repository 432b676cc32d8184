"""Compare revisions: `python -m pipeline compare [REV] [REV2]`, by default the last commit with the working tree.

Params and metrics that differ, and whether accuracies differ beyond chance: by a paired test where DVC has the
predictions of both, else by metrics.json alone.
"""

import argparse
from collections.abc import Mapping

import pandas as pd

from pipeline.addons.compare import comparing
from pipeline.addons.compare.reading import Revision
from pipeline.base import tables

MOST = 60_000  # characters of Markdown: a comment on GitHub may have 65,536
LEFT_OUT = "\n\nThe rest is left out: it is too long."


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(
        "python -m pipeline compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", metavar="REV", nargs="?", default="HEAD", help="a commit, branch or tag")
    parser.add_argument("after", metavar="REV2", nargs="?", help="another one; the working tree if left out")
    parser.add_argument("--markdown", action="store_true", help="for a pull request, at most 60,000 characters")
    parser.add_argument("--links", metavar="PREFIX", default="", help="what the link to the report begins with")
    given = parser.parse_args()
    before, after = Revision(given.before), Revision(given.after)
    found = comparing.all_models(before, after)
    heading, verdict = f"Changes: {after.name} against {before.name}", comparing.verdict(found)
    compared = comparing.tables(before, after, found)
    if given.markdown:
        print(as_markdown(heading, verdict, compared, given.links))
    else:
        print(as_text(heading, verdict, compared))


def as_text(heading: str, verdict: str, compared: Mapping[str, pd.DataFrame]) -> str:
    """Write tables, by title, for a terminal."""
    shown = [
        f"{title}: none." if table.empty else f"{title}\n{tables.for_terminal(table)}"
        for title, table in compared.items()
    ]
    return "\n\n".join([heading, verdict, *shown])


def as_markdown(heading: str, verdict: str, compared: Mapping[str, pd.DataFrame], links: str = "") -> str:
    """Write a link to the report and tables, by title, for a pull request: 60,000 characters, the rest is left out."""
    first = [f"## {tables.inline(heading)}", f"**{tables.inline(verdict)}**", f"[The report]({links}reports/README.md)"]
    shown = [
        f"{title}: none." if table.empty else f"### {title}\n\n{tables.as_markdown(table)}"
        for title, table in compared.items()
    ]
    text = "\n\n".join([*first, *shown])
    if len(text) > MOST:
        text = text[: MOST - len(LEFT_OUT)].rpartition("\n")[0] + LEFT_OUT
    return text
