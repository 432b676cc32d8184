import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import gate
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.evaluation import floors
from pipeline.evaluation.floors import Check
from tests.conftest import ROOT

Write = Callable[[dict[str, Any]], Path]
METRICS = {"test": {"accuracy": 0.9, "recall": {"Shirt": 0.6}}}
PER_CLASS = 'class,precision,recall,f1,support\nShirt,0.5,0.6,0.55,10\n007,1.0,0.7,0.8,10\n"a, ""b""",0.0,0.0,0.0,0\n'


def checks(raw: dict[str, Any], gates: dict[str, Any]) -> list[Check]:
    raw["gate"] = gates
    return floors.checks(loading.validate(raw), {model: [METRICS] for model in raw["models"]})


def test_every_models_floor_holds_for_each_and_its_own_replaces_it(raw: dict[str, Any]) -> None:
    found = checks(raw, {"every_model": {"test": {"accuracy": 0.8}}, "vgg": {"test": {"accuracy": 0.95}}})
    assert {check.model: check.floor for check in found} == {"baseline": 0.8, "vgg": 0.95, "vgg_augmented": 0.8}


def test_recall_of_one_class_is_a_metric(raw: dict[str, Any]) -> None:
    assert checks(raw, {"vgg": {"test": {"recall": {"Shirt": 0.7}}}}) == [
        Check("vgg", "test.recall.Shirt", (0.6,), 0.7)
    ]


def test_of_several_seeds_the_mean_counts_and_every_value_is_shown(raw: dict[str, Any]) -> None:
    raw["seeds"], raw["gate"] = [1, 2], {"vgg": {"test": {"accuracy": 0.9}}}
    scores = [{"test": {"accuracy": value}} for value in (0.89, 0.92)]
    (check,) = floors.checks(loading.validate(raw), dict.fromkeys(raw["models"], scores))
    assert check.passed
    assert check.value == pytest.approx(0.905)
    (row,) = floors.table([check]).to_dict("records")
    assert (row["deviation"], row["of each seed"]) == (pytest.approx(0.03 / 2**0.5), "0.8900, 0.9200")


def test_unknown_metric_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"test\.acuracy is unknown; did you mean test\.accuracy\?"):
        checks(raw, {"vgg": {"test": {"acuracy": 0.7}}})


def report(reports: Path, name: str) -> None:
    files.write_json(reports / name / "metrics.json", {"test": {"accuracy": 0.9}})
    files.write_text(reports / name / "per_class.csv", PER_CLASS)


def test_scores_of_each_class_are_read_from_per_class_csv_by_names_as_they_are(tmp_path: Path) -> None:
    report(tmp_path, "vgg-42")
    assert gate.read_scores(Training("vgg", 42), tmp_path)["test"] == {
        "accuracy": 0.9,
        "precision": {"Shirt": 0.5, "007": 1.0, 'a, "b"': 0.0},
        "recall": {"Shirt": 0.6, "007": 0.7, 'a, "b"': 0.0},
        "f1": {"Shirt": 0.55, "007": 0.8, 'a, "b"': 0.0},
    }


def run_gate(raw: dict[str, Any], write_params: Write, floor: float) -> subprocess.CompletedProcess[str]:
    raw["gate"] = {"every_model": {"test": {"accuracy": 0.8}}, "vgg": {"test": {"accuracy": floor}}}
    folder = write_params(raw).parent
    for model in raw["models"]:
        report(folder / "reports", f"{model}-42")
    command = [sys.executable, "-X", "importtime", "-m", "pipeline.gate"]
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
    assert "pipeline.evaluation.floors" in imported
    assert not imported & {"tensorflow", "keras", "mlflow", "sklearn", "matplotlib"}


def test_missing_metrics_are_named_with_exit_code_2(raw: dict[str, Any], write_params: Write) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.gate"],
        cwd=write_params(raw).parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "error: reports/baseline-42/metrics.json is missing: `dvc repro` makes it\n"
