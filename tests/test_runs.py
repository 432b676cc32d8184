import getpass
from typing import Any

import pytest

from pipeline import params, runs
from tests.conftest import ROOT

DEMO = params.load(ROOT / "recipes" / "demo.yaml")


def test_facts_name_the_network_and_hold_every_param() -> None:
    facts = runs.facts(DEMO, "vgg", "f" * 64, {})
    assert facts["experiment"] == "digits"
    assert facts["name"] == "vgg: 8 16 | 32 64 | dense 128 64"
    assert facts["params"]["block1.filters"] == "8, 16"
    assert facts["params"]["train.optimizer.learning_rate"] == "0.002"
    assert facts["tags"] == {"model": "vgg", "fingerprint": "f" * 64, "dvc.stage": "train@vgg"}


def test_description_tells_network_and_training_and_once_known_the_latest_scores() -> None:
    content = runs.facts(DEMO, "vgg_augmented", "f" * 64, {}) | {"metrics": [["epoch/train_loss", 1.0, 0, 1]]}
    training = (
        "**vgg_augmented** on digits: `8 16 | 32 64 | dense 128 64`\n\n"
        "- 8 epochs at most, in batches of 32, augmented\n- adam, learning rate 0.002, schedule one_cycle"
    )
    assert runs.description(content) == training
    content["metrics"] += [["test/accuracy", value, 0, 0] for value in (0.9, 0.80004)] + [["train/accuracy", 1.0, 0, 0]]
    assert runs.description(content) == training + "\n- accuracy: test 0.8000, train 1.0000"
    assert "augmented" not in runs.description(runs.facts(DEMO, "vgg", "f" * 64, {}) | {"metrics": []})


def test_different_filters_read_differently() -> None:
    texts = set()
    for filters in ([32], [32, 32], [32, 32, 32]):
        raw: dict[str, Any] = DEMO.model_dump()
        raw["models"] = {"vgg": raw["models"]["vgg"] | {"blocks": [{"filters": filters}]}}
        texts.add(runs.flat_params(params.validate(raw), "vgg")["block1.filters"])
    assert texts == {"32", "32, 32", "32, 32, 32"}


def test_a_network_without_layers_reads_so() -> None:
    raw: dict[str, Any] = DEMO.model_dump()
    raw["models"] = {"linear": {"train": raw["train"]}}
    assert runs.facts(params.validate(raw), "linear", "f" * 64, {})["name"] == "linear: no hidden layer"


def test_machine_and_origin_say_what_the_bytes_depend_on() -> None:
    assert {"machine.processor", "machine.threads", "machine.onednn", "version.tensorflow"} <= set(runs.machine())
    assert all(runs.machine().values())
    assert len(runs.origin().get("git.commit", "0" * 40)) == 40


def test_user_is_told_where_the_system_knows_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert runs.origin()["mlflow.user"] == "ann"

    def nobody() -> str:
        raise KeyError("uid not found: 1000")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert "mlflow.user" not in runs.origin()
