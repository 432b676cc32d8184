"""Tables of pandas in CSV files, in Markdown and in a terminal."""

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import tabulate

from pipeline.base import files
from pipeline.base.errors import InputError

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

    try:
        return pd.read_csv(io.StringIO(files.read_text(path))).astype(float)
    except ValueError as error:  # pandas' own errors among them
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a table of numbers ({reason}): delete it and run `dvc repro`") from None


def read_text_csv(path: Path) -> "pd.DataFrame":
    """Read a CSV that has text in some columns, `NA` among what may stand there; a missing one is an `InputError`."""
    import pandas as pd

    return pd.read_csv(io.StringIO(files.read_text(path)), keep_default_na=False)


def for_terminal(table: "pd.DataFrame") -> str:
    """Align a table in plain text: text to the left, numbers to the right, floats with four decimals."""
    from pandas.api.types import is_numeric_dtype

    numeric = [is_numeric_dtype(dtype) for dtype in table.dtypes]
    return rows_for_terminal(list(table), table.astype(object).to_numpy(), numeric)


def rows_for_terminal(titles: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[bool]) -> str:
    """Align rows as `for_terminal` does, without pandas; `numeric` says which columns go to the right."""
    cells = [[f"{value:.4f}" if isinstance(value, float) else str(value) for value in row] for row in rows]
    lines = _aligned(titles, cells, "plain", ["right" if right else "left" for right in numeric]).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(table: "pd.DataFrame") -> str:
    """Write a table of text as Markdown: the first column, which names the rows, to the left, all others right."""
    cells = [[inline(str(cell)).replace("|", "\\|") for cell in row] for row in table.to_numpy()]
    return _aligned(list(table), cells, "pipe", ["left"] + ["right"] * (len(table.columns) - 1))


def inline(text: str) -> str:
    """Write text in one line of Markdown that shows it as it is: as code where it would else be taken for more."""
    text = " ".join(text.splitlines())
    if not MARKDOWN.search(text):
        return text
    inner = f" {text} " if "`" in text else text
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{inner}{fence}"


def _aligned(titles: Sequence[str], cells: Sequence[Sequence[str]], form: str, sides: Sequence[str]) -> str:
    """Write a table in one of tabulate's forms, which would else take text such as `1e5` for a number."""
    return str(tabulate.tabulate(cells, titles, form, colalign=sides if cells else None, disable_numparse=True))
