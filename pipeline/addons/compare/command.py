"""Compare revisions: `python -m pipeline compare [REV] [REV2]`, by default the last commit with the working tree.

Params and code that differ, every metric, and whether accuracies differ beyond chance: by a paired test where DVC has
the predictions of both, else by metrics.json alone.
"""

import argparse

from pipeline.addons.compare import writing
from pipeline.addons.compare.reading import Revision


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(
        "python -m pipeline compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", metavar="REV", nargs="?", default="HEAD", help="a commit, branch or tag")
    parser.add_argument("after", metavar="REV2", nargs="?", help="another one; the working tree if left out")
    parser.add_argument("--markdown", action="store_true", help="for a pull request, at most 60,000 characters")
    parser.add_argument("--links", metavar="PREFIX", default="", help="what the links of --markdown begin with")
    given = parser.parse_args()
    comparison = writing.compare(Revision(given.before), Revision(given.after))
    print(writing.as_markdown(comparison, given.links) if given.markdown else writing.as_text(comparison))
