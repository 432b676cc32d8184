import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import addons
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.commands import gate
from pipeline.config import loading
from pipeline.config.gate import Gate
from pipeline.config.schema import Training
from pipeline.evaluation import checks
from pipeline.evaluation.checks import Check
from pipeline.tracking import stale
from tests.conftest import ROOT

Write = Callable[[dict[str, Any]], Path]
METRICS = {"test": {"accuracy": 0.9, "loss": 0.3, "recall": {"Shirt": 0.6}}, "parameters": 5_000}
PER_CLASS = 'class,precision,recall,f1,support\nShirt,0.5,0.6,0.55,10\n007,1.0,0.7,0.8,10\n"a, ""b""",0.0,0.0,0.0,0\n'


def found(gate: dict[str, Any], *accuracies: float) -> list[Check]:
    scores = [METRICS | {"test": METRICS["test"] | {"accuracy": value, "gap": value}} for value in accuracies or (0.9,)]  # type: ignore[operator]
    return checks.within_bounds(Gate.model_validate(gate), "vgg", scores)


def test_every_models_limit_holds_for_each_and_its_own_replaces_it(raw: dict[str, Any]) -> None:
    raw["gate"] = {
        "every_model": {"at_least": {"test": {"accuracy": 0.8}}, "at_most": {"test": {"loss": 0.5}}},
        "vgg": {"at_least": {"test": {"accuracy": 0.95}}},
    }
    params = loading.validate(raw)
    limits = {model: params.gate_of(model).at_least["test"]["accuracy"] for model in params.models}
    assert limits == {"baseline": 0.8, "vgg": 0.95, "vgg_augmented": 0.8}
    assert params.gate_of("vgg").at_most == {"test": {"loss": 0.5}}


def test_a_models_own_limits_leave_every_models_other_ones_in_place(raw: dict[str, Any]) -> None:
    raw["gate"] = {
        "every_model": {
            "not_significantly_worse_than": {"revision": "main"},
            "worst_seed": {"at_most": {"parameters": 9}},
        },
        "vgg": {"at_most": {"parameters": 5}, "worst_seed": {"at_least": {"test": {"accuracy": 0.8}}}},
        "baseline": {"no_worse_than": {"revision": "v1"}},
    }
    params = loading.validate(raw)
    assert params.gate_of("vgg").revisions == ["main"]
    assert params.gate_of("vgg").worst_seed.at_most == {"parameters": 9}
    assert params.gate_of("baseline").revisions == ["v1", "main"]
    assert params.gate_of("vgg_augmented").at_most == {}


def test_recall_of_one_class_is_a_metric() -> None:
    (check,) = found({"at_least": {"test": {"recall": {"Shirt": 0.7}}}})
    assert check == Check("vgg", "test.recall.Shirt", 0.6, "≥", 0.7, (0.6,))
    assert not check.passed


@pytest.mark.parametrize(
    ("gate", "passes"),
    [
        ({"at_least": {"test": {"accuracy": 0.9}}}, True),
        ({"at_least": {"test": {"accuracy": 0.9001}}}, False),
        ({"at_most": {"test": {"loss": 0.3}}}, True),
        ({"at_most": {"test": {"loss": 0.2999}}}, False),
        ({"at_most": {"parameters": 4_999}}, False),
    ],
)
def test_a_value_at_its_limit_passes_and_one_beyond_it_does_not(gate: dict[str, Any], passes: bool) -> None:
    (check,) = found(gate)
    assert check.passed == passes


@pytest.mark.parametrize("must_be", ["≥", "≤"])
def test_no_number_passes_nothing(must_be: checks.MustBe) -> None:
    assert not Check("vgg", "test.accuracy", float("nan"), must_be, 0.5).passed


def test_of_several_seeds_the_mean_counts_and_every_value_is_shown() -> None:
    (check,) = found({"at_least": {"test": {"accuracy": 0.9}}}, 0.89, 0.92)
    assert check.passed
    assert check.value == pytest.approx(0.905)
    rows = checks.table([check, Check("vgg", "test.loss", 0.4, "≤", 0.3)]).to_dict("records")
    first = {"value": "0.9050", "deviation": "0.0212", "of each seed": "0.8900, 0.9200", "must be": "≥ 0.9000"}
    second = {"value": "0.4000", "deviation": "", "of each seed": "", "must be": "≤ 0.3000"}
    assert rows == [
        {"model": "vgg", "metric": "test.accuracy", **first, "verdict": "ok"},
        {"model": "vgg", "metric": "test.loss", **second, "verdict": "FAILED"},
    ]


def test_of_one_seed_the_table_has_no_deviation() -> None:
    table = checks.table(found({"at_least": {"test": {"accuracy": 0.9}}}))
    assert table.columns.tolist() == ["model", "metric", "value", "must be", "verdict"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((5_240_842, "5,240,842"), (1000, "1,000"), (999, "999.0000"), (0.92, "0.9200")),
        *((0.001, "0.0010"), (0.000042, "4.2e-05"), (0, "0.0000")),
    ],
)
def test_numbers_are_written_with_what_matters(value: float, text: str) -> None:
    assert checks.number(value) == text


def test_the_worst_seed_can_be_held_to_its_own_limits() -> None:
    (check,) = found({"worst_seed": {"at_least": {"test": {"accuracy": 0.9}}}}, 0.89, 0.92)
    assert (check.metric, check.value, check.passed) == ("test.accuracy, worst seed", 0.89, False)
    assert check.values == (0.89, 0.92)
    (check,) = found({"worst_seed": {"at_most": {"test": {"gap": 0.91}}}}, 0.89, 0.92)
    assert check == Check("vgg", "test.gap, worst seed", 0.92, "≤", 0.91, (0.89, 0.92))


TOGETHER = {"at_least": {"together": {"accuracy": 0.93}}, "at_most": {"together": {"loss": 0.2}}}


def test_what_all_seeds_score_together_is_one_value_beside_those_of_each() -> None:
    both = Gate.model_validate({"at_least": TOGETHER["at_least"] | {"test": {"accuracy": 0.9}}})
    seeds = checks.within_bounds(both, "vgg", [METRICS, METRICS])
    together = checks.of_all_seeds(both, "vgg", {"accuracy": 0.94})
    assert together == [Check("vgg", "together.accuracy", 0.94, "≥", 0.93)]
    row = checks.table(seeds + together).to_dict("records")[1]
    assert (row["value"], row["deviation"], row["of each seed"], row["verdict"]) == ("0.9400", "", "", "ok")


@pytest.mark.parametrize(("accuracy", "loss", "kept"), [(0.93, 0.2, [True, True]), (0.9299, 0.2001, [False, False])])
def test_together_a_value_at_its_limit_passes_and_one_beyond_it_does_not(
    accuracy: float, loss: float, kept: list[bool]
) -> None:
    found = checks.of_all_seeds(Gate.model_validate(TOGETHER), "vgg", {"accuracy": accuracy, "loss": loss})
    assert [check.passed for check in found] == kept


def test_together_an_unknown_metric_is_refused() -> None:
    gate = Gate.model_validate({"at_least": {"together": {"acuracy": 0.7}}})
    with pytest.raises(InputError, match=r"together\.acuracy is unknown; did you mean together\.accuracy\?"):
        checks.of_all_seeds(gate, "vgg", {"accuracy": 0.9})


def test_unknown_metric_is_refused() -> None:
    with pytest.raises(InputError, match=r"test\.acuracy is unknown; did you mean test\.accuracy\?"):
        found({"at_least": {"test": {"acuracy": 0.7}}})


def report(reports: Path, name: str) -> None:
    files.write_json(reports / name / "metrics.json", {"test": {"accuracy": 0.9}})
    files.write_text(reports / name / "per_class.csv", PER_CLASS)


def test_scores_of_each_class_are_read_from_per_class_csv_by_names_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report(Path("reports"), "vgg-42")
    assert gate.read_metrics(Training("vgg", 42))["test"] == {
        "accuracy": 0.9,
        "precision": {"Shirt": 0.5, "007": 1.0, 'a, "b"': 0.0},
        "recall": {"Shirt": 0.6, "007": 0.7, 'a, "b"': 0.0},
        "f1": {"Shirt": 0.55, "007": 0.8, 'a, "b"': 0.0},
    }


def lock(raw: dict[str, Any], folder: Path) -> None:
    """Write the dvc.lock that belongs to these params and to the reports of `folder`."""
    entries: dict[str, Any] = {"prepare": {"cmd": "prepare", "params": {"params.yaml": {"prepare": raw["prepare"]}}}}
    entries["prepare"]["outs"] = [{"path": "data/prepared/test", "md5": "0"}]
    for model in raw["models"]:
        params = {"params.yaml": {"train": raw["train"], f"models.{model}": raw["models"][model]}}
        metrics = f"reports/{model}-42/metrics.json"
        outs = [{"path": metrics, "md5": files.md5(folder / metrics)}]
        entries[f"train@{model}-42"] = {"cmd": "train", "params": params}
        deps = [{"path": "data/prepared/test", "md5": "0"}]
        entries[f"evaluate@{model}-42"] = {"cmd": "evaluate", "deps": deps, "params": params, "outs": outs}
    files.write_json(folder / "dvc.lock", {"stages": entries})
    shutil.copy(ROOT / "dvc.yaml", folder)


def run_gate(
    raw: dict[str, Any], write_params: Write, floor: float, *arguments: str
) -> subprocess.CompletedProcess[str]:
    raw["gate"] = {
        "every_model": {"at_least": {"test": {"accuracy": 0.8}}},
        "vgg": {"at_least": {"test": {"accuracy": floor}}},
    }
    folder = write_params(raw).parent
    for model in raw["models"]:
        report(folder / "reports", f"{model}-42")
    if not (folder / "dvc.lock").exists():
        lock(raw, folder)
    command = [sys.executable, "-X", "importtime", "-m", "pipeline", "gate", *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def test_command_passes_at_the_floor(raw: dict[str, Any], write_params: Write) -> None:
    done = run_gate(raw, write_params, 0.9)
    assert done.returncode == 0
    assert "all 3 checks passed" in done.stdout


def test_command_fails_below_it_and_names_the_failure(raw: dict[str, Any], write_params: Write) -> None:
    done = run_gate(raw, write_params, 0.91)
    assert done.returncode == 1
    assert "1 of 3 checks failed: vgg test.accuracy" in done.stderr
    assert "FAILED" in done.stdout


def test_command_needs_neither_tensorflow_nor_mlflow(raw: dict[str, Any], write_params: Write) -> None:
    imported = {line.split("|")[-1].strip() for line in run_gate(raw, write_params, 0.9).stderr.splitlines()}
    assert "pipeline.evaluation.checks" in imported
    assert not imported & {"tensorflow", "keras", "mlflow", "dvc", "sklearn", "scipy", "matplotlib"}
    assert not [name for name in imported if name.startswith("pipeline.addons.") and name.endswith(".checks")]


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("import time:")]


def test_command_refuses_what_is_stale_unless_asked_for_it(raw: dict[str, Any], write_params: Write) -> None:
    run_gate(raw, write_params, 0.9)
    raw["models"]["vgg"]["blocks"][0]["filters"] = [16, 32]
    told = "params.yaml:models.vgg changed since vgg-42 was evaluated: run `dvc repro`"
    done = run_gate(raw, write_params, 0.9)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaints(done) == [told, "nothing was checked; --stale checks what is there all the same"]
    done = run_gate(raw, write_params, 0.9, "--stale")
    assert (done.returncode, complaints(done)) == (0, [told])
    assert "all 3 checks passed" in done.stdout


@pytest.mark.parametrize(
    ("entry", "part", "told"),
    [
        ("prepare", "params", "params.yaml:prepare changed since"),
        ("prepare", "outs", "data/prepared/test changed since"),  # prepared anew, not evaluated
        ("evaluate@vgg-42", "outs", "reports/vgg-42/metrics.json changed since"),  # by hand
    ],
)
def test_what_the_lock_has_otherwise_is_stale(
    raw: dict[str, Any], write_params: Write, monkeypatch: pytest.MonkeyPatch, entry: str, part: str, told: str
) -> None:
    monkeypatch.chdir(write_params(raw).parent)
    report(Path("reports"), "vgg-42")
    raw["models"] = {"vgg": raw["models"]["vgg"]}
    lock(raw, Path())
    trainings = [Training("vgg", 42)]
    assert stale.reasons(trainings) == []
    content = files.read_yaml(Path("dvc.lock"))
    changed = content["stages"][entry]
    changed[part] = {"params.yaml": {"prepare": {}}} if part == "params" else [changed[part][0] | {"md5": "1"}]
    files.write_json(Path("dvc.lock"), content)
    (line,) = stale.reasons(trainings)
    assert line == f"{told} vgg-42 was evaluated: run `dvc repro`"
    Path("dvc.lock").unlink()
    assert stale.reasons(trainings) == ["dvc.lock has no train@vgg-42: run `dvc repro`"]


def test_command_holds_what_seeds_score_together_to_its_limit_where_report_is_of_them(
    raw: dict[str, Any], write_params: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw |= {"seeds": [42, 43], "models": {"vgg": raw["models"]["vgg"]}, "gate": {"vgg": TOGETHER}}
    folder = write_params(raw).parent
    monkeypatch.chdir(folder)
    for seed in raw["seeds"]:
        report(Path("reports"), f"vgg-{seed}")
    models = Path("reports/models.json")
    files.write_json(models, {"vgg": {"accuracy": 0.9}})
    with pytest.raises(InputError, match=r"^reports/models\.json has no vgg\.together: `dvc repro` makes it$"):
        gate.read_together("vgg")
    files.write_json(models, {"vgg": {"together": {"accuracy": 0.94, "loss": 0.3}}})
    found = gate.of_model(params := loading.load(), "vgg", params.gate_of("vgg"))
    assert [(check.metric, check.passed) for check in found] == [("together.accuracy", True), ("together.loss", False)]


def test_of_what_seeds_score_together_report_must_be_current(
    raw: dict[str, Any], write_params: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw |= {"seeds": [42, 43], "models": {"vgg": raw["models"]["vgg"]}, "gate": {"vgg": TOGETHER}}
    monkeypatch.chdir(write_params(raw).parent)
    report(Path("reports"), "vgg-42")
    lock(raw, Path())
    content = files.read_yaml(Path("dvc.lock"))
    content["stages"] |= {f"{stage}@vgg-43": content["stages"][f"{stage}@vgg-42"] for stage in ("train", "evaluate")}
    content["stages"]["report"] = {"cmd": "report", "params": {"params.yaml": {"seeds": [42, 43, 44]}}}
    files.write_json(Path("dvc.lock"), content)
    with pytest.raises(SystemExit):
        gate.require_current(loading.load(), False)
    assert "params.yaml:seeds changed since vgg-42 was evaluated" in capsys.readouterr().err
    write_params(raw | {"gate": {}})
    gate.require_current(loading.load(), False)


def test_committed_results_are_those_of_the_params_and_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert stale.reasons(loading.load().trainings) == []


def test_a_limit_against_a_revision_without_an_add_on_that_compares_is_one_line(
    raw: dict[str, Any], write_params: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw["gate"] = {"vgg": {"no_worse_than": {"revision": "main"}}}
    params = loading.load(path := write_params(raw))
    monkeypatch.chdir(path.parent)
    report(Path("reports"), "vgg-42")
    monkeypatch.setattr(addons, "modules", lambda _: {})
    with pytest.raises(InputError, match=r"^params\.yaml: gate holds vgg against main, and no add-on here compares "):
        gate.of_model(params, "vgg", params.gate_of("vgg"))


def test_missing_metrics_are_named_with_exit_code_2(raw: dict[str, Any], write_params: Write) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "gate"],
        cwd=write_params(raw).parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "error: reports/baseline-42/metrics.json is missing: `dvc repro` makes it\n"
