import getpass
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.base import files
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.tracking import description
from tests.conftest import ROOT

DEMO = loading.load(ROOT / "recipes" / "demo.yaml")


def test_a_training_names_the_network_and_hold_every_param() -> None:
    training = description.of_training(DEMO, Training("vgg", 42), "f" * 64)
    assert training.experiment == "digits"
    assert training.name == "vgg-42: 8 16 | 32 64 | dense 128 64"
    assert training.params["seed"] == "42"
    assert training.params["block1.filters"] == "8, 16"
    assert training.params["train.optimizer.learning_rate"] == "0.002"
    assert training.tags == {"model": "vgg", "fingerprint": "f" * 64, "dvc.stage": "train@vgg-42"}


def test_different_filters_read_differently() -> None:
    texts = set()
    for filters in ([32], [32, 32], [32, 32, 32]):
        raw: dict[str, Any] = DEMO.model_dump()
        raw["models"] = {"vgg": raw["models"]["vgg"] | {"blocks": [{"filters": filters}]}}
        texts.add(description.flat_params(loading.validate(raw), Training("vgg", 42))["block1.filters"])
    assert texts == {"32", "32, 32", "32, 32, 32"}


def test_a_network_without_layers_reads_so() -> None:
    raw: dict[str, Any] = DEMO.model_dump()
    raw["models"] = {"linear": {"train": raw["train"]}}
    assert (
        description.of_training(loading.validate(raw), Training("linear", 7), "f" * 64).name
        == "linear-7: no hidden layer"
    )


def git(*arguments: str) -> None:
    settings = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *settings, *arguments], check=True, capture_output=True)


def test_a_commit_is_told_where_it_has_the_folders_params_and_whether_they_are_as_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("", "project/", ".demo/"):
        files.write_text(tmp_path / f"{folder}params.yaml", "seeds: [1]\n")
    monkeypatch.chdir(tmp_path)
    assert not {"git.commit", "git.clean"} & description.origin().keys()
    git("init")
    git("add", "params.yaml", "project")
    git("commit", "--message", "first")
    monkeypatch.chdir("project")
    files.write_text(Path("../params.yaml"), "seeds: [2]\n")  # another project's
    assert description.origin()["git.clean"] == "true"
    files.write_text(Path("params.yaml"), "seeds: [2]\n")
    told = description.origin()
    assert (len(told["git.commit"]), told["git.clean"]) == (40, "false")
    monkeypatch.chdir("../.demo")
    assert not {"git.commit", "git.clean"} & description.origin().keys()


def test_user_is_told_where_the_system_knows_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert description.origin()["mlflow.user"] == "ann"

    def nobody() -> str:
        raise KeyError("uid not found: 1000")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert "mlflow.user" not in description.origin()


@pytest.mark.parametrize("content", ["#!/bin/sh\nexit 1\n", "no program", None])
def test_a_git_that_cannot_be_asked_stops_no_training(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if content:
        (tmp_path / "git").write_text(content)
        (tmp_path / "git").chmod(0o755)
    assert not {"git.commit", "git.clean"} & description.origin().keys()
