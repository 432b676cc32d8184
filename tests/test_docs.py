"""What README.md and docs/ name exists: files, headings, make targets, commands with their options, recipes."""

import argparse
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import commands as pipelines
from tests.conftest import ROOT
from tests.rooms import ADDONS

FOLDERS = ("docs", *(f"pipeline/addons/{name}" for name in ADDONS))
PAGES = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))]
RULES = re.findall(r"^([\w -]+):(?!=)", (ROOT / "Makefile").read_text(), re.M)
TARGETS = {target for rule in RULES for target in rule.split()}
FENCED, SPAN = re.compile(r"^ *```.*?^ *```$", re.M | re.S), re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?:^|&& ) *(make|python -m)((?: +[^\s#&|;]+)+)", re.M)


def links(text: str) -> set[str]:
    """List the targets of links and images, web addresses aside."""
    found = set(re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", text)))
    return {target for target in found if "://" not in target}


def commands(text: str) -> set[tuple[str, str]]:
    """List what is typed after `make` and after `python -m`, as (which, words), in blocks of code and in spans."""
    text = text.replace("\\\n", " ")
    code = [*FENCED.findall(text), *SPAN.findall(FENCED.sub("", text))]
    return {(match[1], " ".join(match[2].split())) for block in code for match in COMMAND.finditer(block)}


def anchors(text: str) -> set[str]:
    """List what GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def broken(page: Path, target: str) -> str | None:
    """Say what is wrong with a relative link, or return None."""
    name, _, anchor = target.partition("#")
    path = page.parent / name if name else page
    if not path.exists():
        return f"there is no {name}"
    return f"there is no heading #{anchor}" if anchor and anchor not in anchors(path.read_text()) else None


def named(find: Callable[[str], set[str]]) -> list[Any]:
    """List (page, what `find` finds in it), for a test to be called with each."""
    found = [(page, what) for page in PAGES for what in sorted(find(page.read_text()))]
    return [pytest.param(page, what, id=f"{page.relative_to(ROOT)}:{what}") for page, what in found]


def typed(which: str) -> Callable[[str], set[str]]:
    return lambda text: {words for command, words in commands(text) if command == which}


def test_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_readme_names_the_targets_that_people_start_with() -> None:
    assert typed("make")((ROOT / "README.md").read_text()) >= {
        *("demo", "test", "test-slow", "repro", "ui", "check", "serve"),
    }


@pytest.mark.parametrize(("page", "target"), named(links))
def test_links_lead_somewhere(page: Path, target: str) -> None:
    if target.startswith("../../actions/"):
        pytest.skip("an address of whatever host the repository is on, not a file of it")
    assert broken(page, target) is None


@pytest.mark.parametrize(("page", "words"), named(typed("make")))
def test_make_knows_the_target(page: Path, words: str) -> None:
    assert {word for word in words.split() if "=" not in word} <= TARGETS


@pytest.mark.parametrize(("page", "words"), named(typed("python -m")))
def test_commands_understand_their_words(page: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, *arguments = words.split()
    if name == "pipeline":
        name = pipelines()[arguments.pop(0)] if arguments else "pipeline.__main__"
    module = ROOT / Path(*name.split(".")).with_suffix(".py")
    assert module.is_file()
    if "argparse" not in module.read_text():  # its arguments have no names
        assert not [word for word in arguments if word.startswith("-")]
        return
    parse, parsed = argparse.ArgumentParser.parse_args, []

    def parse_and_stop(parser: argparse.ArgumentParser) -> None:
        parsed.append(parse(parser, arguments))
        raise InterruptedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    with pytest.raises(InterruptedError):  # SystemExit, with the parser's words, where it does not understand
        importlib.import_module(name).main()
    assert parsed


@pytest.mark.parametrize(("page", "recipe"), named(lambda text: set(re.findall(r"recipes/[\w/]+\.yaml", text))))
def test_recipes_exist(page: Path, recipe: str) -> None:
    assert (ROOT / recipe).is_file()


def test_every_published_recipe_is_in_the_table_by_the_letter_of_its_first_comment() -> None:
    listed = re.findall(r"^\| (\w+) \| `(\w+)` \|", (ROOT / "pipeline/addons/published/README.md").read_text(), re.M)
    recipes = {path.stem: path.read_text() for path in (ROOT / "recipes/published").glob("*.yaml")}
    assert {name: letter for letter, name in listed} == {
        name: text.removeprefix("# System ").split()[0] for name, text in recipes.items()
    }


@pytest.mark.parametrize(
    ("page", "line"), named(lambda text: set(re.findall(r"^from pipeline[\w.]* import \w+$", text, re.M)))
)
def test_functions_are_where_examples_import_them_from(page: Path, line: str) -> None:
    _, module, _, name = line.split()
    assert f"def {name}(" in (ROOT / Path(*module.split(".")).with_suffix(".py")).read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`make demo`, then make tea", {("make", "demo")}),
        ("```sh\nmake A=b c && make ui   # make tea\n```", {("make", "A=b c"), ("make", "ui")}),
        ("```sh\npython -m a.b --c \\\n    d | head\n```", {("python -m", "a.b --c d")}),
    ],
)
def test_commands_are_found_in_code_alone(text: str, expected: set[tuple[str, str]]) -> None:
    assert commands(text) == expected


def test_broken_links_are_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Some `code`: a heading\n\n[a](page.md#some-code-a-heading) ![b](gone.png) [c](#gone)\n")
    assert {target: broken(page, target) for target in links(page.read_text())} == {
        "page.md#some-code-a-heading": None,
        "gone.png": "there is no gone.png",
        "#gone": "there is no heading #gone",
    }
