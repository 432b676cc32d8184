"""Compare revisions: `python -m pipeline compare [REV] [REV2]`, by default the last commit with the working tree.

Params and code that differ, every metric, and whether accuracies differ beyond chance: by a paired test where DVC has
the predictions of both, else by metrics.json alone.
"""

import argparse
from pathlib import Path

from pipeline.addons.compare import writing
from pipeline.addons.compare.reading import Revision
from pipeline.addons.compare.writing import Comparison
from pipeline.base import files
from pipeline.figures import failures, png

CHANGED = failures.Words(
    "Images that a model sees otherwise",
    "Number: label; what the model said before and says now",
    "{before} → {after}",
)


def main() -> None:
    """Print the comparison, or write it as a page."""
    parser = argparse.ArgumentParser(
        "python -m pipeline compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", metavar="REV", nargs="?", default="HEAD", help="a commit, branch or tag")
    parser.add_argument("after", metavar="REV2", nargs="?", help="another one; the working tree if left out")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="for a pull request, at most 60,000 characters")
    form.add_argument("--json", action="store_true", help="for a program")
    form.add_argument("--html", metavar="FILE", type=Path, help="one page with pictures, which opens offline")
    parser.add_argument("--links", metavar="PREFIX", default="", help="what the links of --markdown begin with")
    given = parser.parse_args()
    before, after = Revision(given.before), Revision(given.after)
    comparison = writing.compare(before, after)
    if given.html:
        files.write_text(given.html, writing.as_page(comparison, pictures(comparison, before, after)))
        print(f"{comparison.verdict}\n{given.html}")
    elif given.markdown:
        print(writing.as_markdown(comparison, given.links))
    else:
        print(writing.as_json(comparison) if given.json else writing.as_text(comparison))


def pictures(comparison: Comparison, before: Revision, after: Revision) -> dict[str, bytes]:
    """Draw the images that each model gets newly right and newly wrong, by caption; none without the test images."""
    images = after.test_images()
    if images is None:
        images = before.test_images()
    found = {}
    for model, one in comparison.models.items():
        if one.changed is not None and images is not None:
            for now, rows in one.changed.groupby("now"):
                figure = failures.listed(CHANGED, images, rows, after.class_names(model))
                found[f"{model}, newly {now}"] = png.encode(figure)
    return found
