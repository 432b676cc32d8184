import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from pipeline.addons.compare import command, comparing
from pipeline.addons.compare.reading import Revision
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.schema import Training
from tests.conftest import ROOT
from tests.history import IMAGES, History

BEFORE, AFTER = (np.arange(IMAGES) < 150, (np.arange(IMAGES) < 180) & (np.arange(IMAGES) >= 5))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return two commits, the second with more filters; then only code was changed."""
    history = History(tmp_path_factory.mktemp("history"))
    history.score(8, {"vgg-42": BEFORE, "old-42": BEFORE})
    history.commit("eight filters")
    history.score(16, {"vgg-42": AFTER, "new-42": BEFORE})
    history.commit("sixteen filters")
    files.write_text(history.folder / "pipeline/network.py", "# new")
    history.git("add", "-A")
    return history


@pytest.fixture
def here(made: History, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.chdir(made.folder)
    return made


def compared(before: str, after: str | None = None) -> tuple[str, dict[str, pd.DataFrame]]:
    """Return the verdict, and the tables by title."""
    revisions = Revision(before), Revision(after)
    found = comparing.all_models(*revisions)
    return comparing.verdict(found), comparing.tables(*revisions, found)


def test_a_change_of_filters_tells_params_and_metrics(here: History) -> None:
    _, tables = compared("HEAD~1", "HEAD")
    assert tables["Params that differ"].to_dict("records")[0] == {
        "param": "models.vgg.blocks.0.filters",
        "before": "[8]",
        "after": "[16]",
    }
    row = tables["Test accuracy"].set_index("model").loc["vgg"]
    assert (row["before"], row["after"], row["difference"]) == ("0.7500", "0.8750", "+0.1250")
    assert (row["newly right"], row["newly wrong"], row["by"]) == ("30", "5", "the same images")
    assert row["p-value"] == "< 0.001"
    metrics = tables["Metrics that differ"].set_index(["model", "metric"])
    assert metrics.loc[("vgg", "parameters"), "difference"] == "+800"


def test_the_paired_test_is_mcnemars_as_in_statsmodels(here: History) -> None:
    one = comparing.one_model(Revision("HEAD~1"), Revision("HEAD"), "vgg")
    assert one
    table = [[np.sum(BEFORE & AFTER), np.sum(BEFORE & ~AFTER)], [np.sum(~BEFORE & AFTER), np.sum(~BEFORE & ~AFTER)]]
    assert one.difference.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)


def test_a_change_of_code_alone_tells_the_same_predictions(here: History) -> None:
    verdict, tables = compared("HEAD")
    assert tables["Params that differ"].empty
    assert verdict == "vgg predicts the same; new predicts the same."


def test_no_change_is_said_so(here: History) -> None:
    text = command.as_text("", *compared("HEAD", "HEAD"))
    for what in ("Params that differ", "Metrics that differ"):
        assert f"{what}: none." in text


def test_models_at_one_revision_alone_stand_there_too(here: History) -> None:
    verdict, tables = compared("HEAD~1", "HEAD")
    assert {"new", "old"} <= set(tables["Test accuracy"]["model"])
    assert "new is at one of the two alone" in verdict


def test_without_predictions_the_metrics_are_compared_and_it_says_so(here: History, tmp_path: Path) -> None:
    here.git("clone", "-q", ".", str(tmp_path / "clone"))
    clone = here.at(tmp_path / "clone")
    lines = clone.run("pipeline", "compare", "HEAD~1", "HEAD").splitlines()
    (row,) = [re.split("  +", line) for line in lines if re.match(r"vgg +0\.7500", line)]
    assert (row[-1], row[5], row[3]) == ("metrics.json alone", "–", "+0.1250")
    assert not [line for line in lines if "nan" in line.lower()]


def test_several_seeds_are_compared_by_their_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(tmp_path)
    history.score(8, {"vgg-1": BEFORE, "vgg-2": np.roll(BEFORE, 3)})
    history.commit("eight")
    history.score(16, {"vgg-1": AFTER, "vgg-2": AFTER})
    monkeypatch.chdir(tmp_path)
    assert list(Revision().scores) == [Training("vgg", 1), Training("vgg", 2)]
    one = comparing.one_model(Revision("HEAD"), Revision(), "vgg")
    assert one
    assert one.paired
    assert one.difference.by_seeds == 0.0
    assert one.difference.accuracy == pytest.approx(0.125)


def test_a_revision_without_its_reports_is_refused_in_a_line(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.score(8, {"vgg-42": BEFORE})
    (history.folder / "reports/vgg-42/per_class.csv").unlink()
    history.commit("eight")
    shutil.rmtree(history.folder / ".dvc/cache")
    shutil.rmtree(history.folder / "data/evaluations")
    said = history.run("pipeline", "compare", "HEAD", "HEAD", code=2)
    assert said.startswith("error: HEAD: reports/vgg-42/per_class.csv is missing: ")


def test_markdown_is_short_enough_for_a_comment_and_says_what_it_leaves_out() -> None:
    long = pd.DataFrame({"param": [f"models.vgg.{number}" for number in range(5_000)], "before": "1", "after": "2"})
    short = pd.DataFrame({"model": ["a|b"], "before": ["0.9"]})
    text = command.as_markdown("main", "vgg is better.", {"Accuracy": short, "Params that differ": long})
    assert len(text) <= command.MOST
    *_, row, _, said = text.splitlines()
    assert row.startswith("| models.vgg.")
    assert row.endswith("|")
    assert said == "The rest is left out: it is too long."
    assert "a\\|b" in text


def test_markdown_links_the_report_where_it_is_told_that_it_is(here: History) -> None:
    text = here.run("pipeline", "compare", "HEAD~1", "HEAD", "--markdown", "--links", "https://example.org/")
    assert "[The report](https://example.org/reports/README.md)" in text


def test_markdown_passes_neither_mentions_nor_images_nor_links_on() -> None:
    evil = ["@someone", "![](https://evil.example/a.png)", "[click](https://evil.example)", "<img src=//evil.example>"]
    params = pd.DataFrame({"param": evil, "before": evil, "after": [f"a\n\n# {text}" for text in evil]})
    written = command.as_markdown(f"{evil[1]} against {evil[0]}", f"{evil[0]} is better.", {"Params": params})
    assert not re.search(r"@|<|evil|^# ", re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", written), re.MULTILINE)  # not code


@pytest.mark.parametrize("revision", ["nonsense", "--help", "main.."])
def test_an_unknown_revision_is_refused_in_a_line(here: History, revision: str) -> None:
    with pytest.raises(InputError, match=f"{revision!r} is no revision"):
        Revision(revision)


def test_command_refuses_with_exit_code_2(here: History) -> None:
    assert here.run("pipeline", "compare", "nonsense", code=2).startswith("error: 'nonsense' is no revision")


def gate(history: History, own: dict[str, Any], code: int) -> str:
    params = files.read_yaml(history.folder / "params.yaml")
    raw = files.read_yaml(ROOT / "recipes/demo.yaml")
    whole = raw | {"seeds": params["seeds"], "models": params["models"], "gate": {"every_model": own}}
    files.write_json(history.folder / "params.yaml", whole)
    return history.run("pipeline", "gate", code=code)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> History:
    history = History(tmp_path_factory.mktemp("worse"))
    history.score(8, {"vgg-42": BEFORE})
    history.commit("eight")
    history.score(16, {"vgg-42": np.arange(IMAGES) < 140})
    return history


@pytest.fixture
def worse(template: History, tmp_path: Path) -> History:
    """Return a commit, and a working tree whose model is right about ten of 200 images less."""
    shutil.copytree(template.folder, tmp_path / "worse")
    return template.at(tmp_path / "worse")


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ({"no_worse_than": {"revision": "main", "by": 0.05}}, 0),
        ({"no_worse_than": {"revision": "main", "by": 0.04}}, 1),
        ({"not_significantly_worse_than": {"revision": "main", "level": 0.0005}}, 0),
        ({"not_significantly_worse_than": {"revision": "main"}}, 1),
        ({"no_worse_than": {"revision": "gone"}}, 2),
    ],
)
def test_gate_holds_against_a_revision(worse: History, own: dict[str, Any], code: int) -> None:
    printed = gate(worse, own, code)
    assert ("'gone' is no revision" in printed) == (code == 2)
    assert ("1 of 1 checks failed: vgg test.accuracy" in printed) == (code == 1)


def test_gate_without_predictions_holds_against_the_metrics(worse: History) -> None:
    shutil.rmtree(worse.folder / ".dvc/cache")
    may_be_chance = {"not_significantly_worse_than": {"revision": "main"}}  # 0.70 of 200 against 0.75
    assert "p" in gate(worse, may_be_chance, 0)
    assert "failed" in gate(worse, {"no_worse_than": {"revision": "main", "by": 0.04}}, 1)
