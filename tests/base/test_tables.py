import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base import tables
from pipeline.base.errors import InputError

TABLE = pd.DataFrame({"class": ["Bag", "1e5"], "probability": [0.25, 1.0], "images": [7, 12_345]})


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_csv_reads_back_equal(values: list[float]) -> None:
    with TemporaryDirectory() as folder:
        tables.write_csv(path := Path(folder, "table.csv"), pd.DataFrame({"loss": values}))
        assert tables.read_csv(path)["loss"].tolist() == values


def test_csv_is_the_same_bytes_each_time_and_reads_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"epoch": [1, 2], "loss": [0.1, 1e-7]})
    tables.write_csv(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_bytes() == b"epoch,loss\n1,0.1\n2,1e-07\n"
    pd.testing.assert_frame_equal(tables.read_csv(tmp_path / "a.csv"), table.astype(float))


@pytest.mark.parametrize("content", ["", "epoch,loss\n1,x\n", "epoch,loss\n1,2,3,4\n5,6,7,8,9\n"])
def test_what_is_no_table_of_numbers_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(InputError, match=r"a\.csv is not a table of numbers .*: delete it and run `dvc repro`"):
        tables.read_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"b\.csv is missing: `dvc repro` makes it"):
        tables.read_csv(tmp_path / "b.csv")


def test_terminal_has_text_to_the_left_and_numbers_to_the_right() -> None:
    header, *rows = tables.for_terminal(TABLE).splitlines()
    assert header == "class      probability    images"
    assert rows == ["Bag             0.2500         7", "1e5             1.0000     12345"]
    assert tables.for_terminal(TABLE[:0]).split() == list(TABLE)


def test_markdown_has_the_first_column_to_the_left_and_all_others_to_the_right() -> None:
    lines = tables.as_markdown(TABLE.astype(str)).splitlines()
    assert re.fullmatch(r"\|:-+\|-+:\|-+:\|", lines[1])
    assert len({len(line) for line in lines}) == 1
    assert "1e5" in lines[3]


def test_markdown_keeps_a_bar_within_its_cell() -> None:
    assert "| a \\| b" in tables.as_markdown(pd.DataFrame({"class": ["a | b"]}))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("T-shirt/top", "T-shirt/top"),
        ("mixed_bfloat16, < 0.001 (95 % – 1)", "mixed_bfloat16, < 0.001 (95 % – 1)"),
        ("a\n# b", "`a # b`"),
        ("a\r\nb\u2028c", "a b c"),
        ("@someone", "`@someone`"),
        ("![](https://evil.example/a.png)", "`![](https://evil.example/a.png)`"),
        ("see https://evil.example", "`see https://evil.example`"),
        ("WWW.evil.example", "`WWW.evil.example`"),
        ("<img src=x>", "`<img src=x>`"),
        ("_a_", "`_a_`"),
        ("a\\", "`a\\`"),
        ("*a*", "`*a*`"),
        ("3 *", "3 *"),
        ("[1, 2]", "[1, 2]"),
        ("[a][b]", "`[a][b]`"),
        ("[a]: b", "`[a]: b`"),
        ("[^1]", "`[^1]`"),
        ("`@a", "`` `@a ``"),
        ("``` x `", "```` ``` x ` ````"),
    ],
)
def test_markdown_shows_any_text_as_it_is(text: str, written: str) -> None:
    assert tables.inline(text) == written


@given(st.text())
def test_any_text_is_one_cell_of_one_line(text: str) -> None:
    lines = tables.as_markdown(pd.DataFrame({"class": [text], "images": ["1"]})).splitlines()
    assert len(lines) == 3
    assert len(re.split(r"(?<!\\)\|", lines[2])) == 4
