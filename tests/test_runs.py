from typing import Any

from pipeline import params, runs
from tests.conftest import ROOT

DEMO = params.load(ROOT / "recipes" / "demo.yaml")


def test_facts_name_the_network_and_hold_every_param() -> None:
    facts = runs.facts(DEMO, "vgg", "f" * 64, {})
    assert facts["experiment"] == "digits"
    assert facts["description"] == "`vgg` on digits: 8 16 | 32 64 | dense 128 64"
    assert facts["params"]["block1.filters"] == "8, 16"
    assert facts["params"]["train.optimizer.learning_rate"] == "0.002"
    assert facts["tags"] == {"model": "vgg", "fingerprint": "f" * 64, "dvc.stage": "train@vgg"}


def test_different_filters_read_differently() -> None:
    texts = set()
    for filters in ([32], [32, 32], [32, 32, 32]):
        raw: dict[str, Any] = DEMO.model_dump()
        raw["models"] = {"vgg": raw["models"]["vgg"] | {"blocks": [{"filters": filters}]}}
        texts.add(runs.flat_params(params.validate(raw), "vgg")["block1.filters"])
    assert texts == {"32", "32, 32", "32, 32, 32"}


def test_machine_and_origin_say_what_the_bytes_depend_on() -> None:
    assert {"machine.processor", "machine.threads", "version.tensorflow"} <= set(runs.machine())
    assert all(runs.machine().values())
    assert len(runs.origin().get("git.commit", "0" * 40)) == 40
