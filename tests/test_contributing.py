"""CONTRIBUTING.md sends nobody to a file that does not exist, or that does not do what it says."""

import re
from typing import get_args

import pytest

from pipeline.config import models
from pipeline.config.section import Section
from pipeline.evaluation import summary
from tests.conftest import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
ROWS = dict(re.findall(r"^\| (?!a new|-)(.+?) \| (.+) \|$", PAGE, re.MULTILINE))
OPTIMIZERS = get_args(models.Train.model_fields["optimizer"].annotation)
LAYER_KEYS = {key for section in (models.Block, models.Convolution, models.Dense) for key in section.model_fields}


def code(row: str) -> dict[str, str]:
    """Return the text of each file of the pipeline that a row of the table names."""
    named = re.findall(r"`(pipeline/[\w/]+\.py)`", ROWS[row])
    return {name: (ROOT / name).read_text() for name in named}


def test_every_file_and_command_that_the_page_names_exists() -> None:
    named = re.findall(r"`([\w./]+/|[\w./]+\.(?:py|yaml|lock|toml|md))`", PAGE)
    made = {"models/", "metrics.json", "utils.py", "__init__.py"}  # by dvc repro; and the one that there is not
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} <= made
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([\w-]+)", PAGE)) <= targets
    assert len(PAGE.splitlines()) < 80


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_is_in_the_files_of_its_row(kind: type[Section]) -> None:
    (name,) = get_args(kind.model_fields["name"].annotation)
    for file, text in code("optimizer or schedule").items():
        assert f'"{name}"' in text, file


@pytest.mark.parametrize("key", sorted(LAYER_KEYS))
def test_a_key_of_a_layer_is_in_the_files_of_its_row(key: str) -> None:
    described, built, _ = code("key of a block, convolution or dense layer").values()
    assert re.search(rf"^    {key}: ", described, re.MULTILINE)
    assert re.search(rf"\.{key}\b", built)


@pytest.mark.parametrize("key", models.Augmentation.model_fields)
def test_an_augmentation_is_in_the_files_of_its_row(key: str) -> None:
    described, drawn = code("augmentation").values()
    assert re.search(rf"^    {key}: ", described, re.MULTILINE)
    assert re.search(rf"\b{key}\b", drawn)


@pytest.mark.parametrize("name", summary.MODEL_PICTURES.values())
def test_a_figure_is_drawn_by_the_stage_of_its_row(name: str) -> None:
    stage, linked = code("figure of a model").values()
    assert f'"{name}"' in stage
    assert f'"{name}"' in linked


def test_a_metric_is_in_the_files_of_its_row() -> None:
    numbers, scores = code("metric").values()
    found = set(re.findall(r"(?<!\.)\bmetrics\.(\w+)\(", scores))
    assert {"headline", "top_2_accuracy"} <= found
    assert found <= set(re.findall(r"^def (\w+)\(", numbers, re.MULTILINE))


@pytest.mark.parametrize(("name", "file"), re.findall(r"`(\w+)` in `(pipeline/[\w/]+\.py)`", PAGE))
def test_what_a_row_names_is_defined_in_the_file(name: str, file: str) -> None:
    assert re.search(rf"^(\s*(def|class) {name}\b|{name}(: .+)? = )", (ROOT / file).read_text(), re.MULTILINE)
