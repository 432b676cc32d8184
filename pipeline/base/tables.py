"""Tables of pandas in CSV files, in Markdown and in a terminal."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from pipeline.base import files
from pipeline.base.errors import InputError


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV with a header; floats in the shortest form that reads back equal."""
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV of numbers; a missing or broken one is an `InputError` that names it."""
    try:
        return pd.read_csv(path).astype(float)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: `dvc repro` makes it") from None
    except ValueError as error:  # pandas' own errors among them
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a table of numbers ({reason}): delete it and run `dvc repro`") from None


def read_text_csv(path: Path) -> pd.DataFrame:
    """Read a CSV that has text in some columns, `NA` among what may stand there; a missing one is an `InputError`."""
    try:
        return pd.read_csv(path, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: `dvc repro` makes it") from None


def for_terminal(table: pd.DataFrame) -> str:
    """Align a table in plain text: text to the left, numbers to the right, floats with four decimals."""
    sides = ["right" if is_numeric_dtype(dtype) else "left" for dtype in table.dtypes]
    lines = _aligned(table.map(_cell), "plain", sides).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(table: pd.DataFrame) -> str:
    """Write a table of text as Markdown: the first column, which names the rows, to the left, all others right."""
    escaped = table.map(lambda cell: str(cell).replace("|", "\\|"))  # or it would begin a column
    return _aligned(escaped, "pipe", ["left"] + ["right"] * (len(table.columns) - 1))


def _aligned(table: pd.DataFrame, form: str, sides: Sequence[str]) -> str:
    """Have pandas write a table in one of tabulate's forms, which would else take text such as `1e5` for a number."""
    text: str = table.to_markdown(index=False, tablefmt=form, colalign=sides, disable_numparse=True)
    return text


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
