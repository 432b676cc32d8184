"""Tables of pandas in CSV files, in Markdown and in a terminal."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base import files

if TYPE_CHECKING:
    import pandas as pd  # for real where it is needed: it takes a fifth of a second

# what GitHub makes more of than text: emphasis, code, links, images, HTML, mentions, numbers of issues
MARKDOWN = re.compile(r"[`~$#&@\\]|\*(?! |$)|\][(\[:]|\[\^|<(?! )|://|www\.|(?<!\w)_|_(?!\w)", re.IGNORECASE)


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV with a header; floats in the shortest form that reads back equal."""
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path) -> "pd.DataFrame":
    """Read a CSV of numbers; a missing or broken one is an `InputError` that names it."""
    import pandas as pd

    with files.made_by_repro(path, "a table of numbers"):
        return pd.read_csv(io.StringIO(files.read_text(path))).astype(float)


def for_terminal(table: "pd.DataFrame") -> str:
    """Align a table in plain text: text to the left, numbers to the right, floats with four decimals."""
    from pandas.api.types import is_numeric_dtype

    text = [number for number, dtype in enumerate(table.dtypes) if len(table) and not is_numeric_dtype(dtype)]
    return str(table.to_markdown(index=False, tablefmt="plain", floatfmt=".4f", disable_numparse=text))


def as_markdown(table: "pd.DataFrame") -> str:
    """Write a table as Markdown: the first column, which names the rows, to the left, all others right."""
    cells = table.map(lambda cell: inline(f"{cell:.4f}" if isinstance(cell, float) else str(cell)).replace("|", "\\|"))
    sides = ["left", *["right"] * (len(table.columns) - 1)] if len(table) else None
    return str(cells.to_markdown(index=False, disable_numparse=True, colalign=sides))


def inline(text: str) -> str:
    """Write text in one line of Markdown that shows it as it is: as code where it would else be taken for more."""
    text = " ".join(text.splitlines())
    if not MARKDOWN.search(text):
        return text
    inner = f" {text} " if "`" in text else text
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{inner}{fence}"
