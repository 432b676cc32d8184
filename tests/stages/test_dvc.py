"""What dvc.yaml promises: a stage depends on what decides its bytes, and dvc.lock is up to date."""

import itertools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from pipeline import addons
from pipeline.base import files
from pipeline.config.schema import Training
from pipeline.tracking import lock, paths
from tests.conftest import ROOT
from tests.rooms import ADDONS, reached

STAGES = files.read_yaml(ROOT / "dvc.yaml")["stages"]
MATRIX = {name: stage for name, stage in STAGES.items() if "matrix" in stage}
CODE = {name: [dep for dep in stage["deps"] if dep.startswith("pipeline/")] for name, stage in STAGES.items()}
ASKS = {
    "fetch": ("datasets",),
    "train": ("backbone",),
    "evaluate": ("evaluator",),
    "report": ("section", "document"),
}  # which modules of add-ons a stage calls
DECIDE_NO_BYTE = {
    "pipeline/base": "errors and messages, files that are whole or not there, tables",
    "pipeline/tracking": "records what a stage did",
    "pipeline/addons/ray": "says where work is done; the same work gives the same bytes",
    "pipeline/config": "checks params, whose values DVC compares; models.py says what is left out of them",
    "pipeline/data/arrays.py": "how images lie in files, whose bytes DVC compares",
    "pipeline/data/download.py": "finds files, and takes them with the checksum of datasets.py only",
    **dict.fromkeys((f"pipeline/addons/{name}/settings.py" for name in ADDONS), "as config"),
}


def module_of(stage: str) -> str:
    """Return the module that a stage's command runs."""
    return str(STAGES[stage]["cmd"].removeprefix("exec ").split()[2])


def within(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_decides_its_bytes_and_on_no_other(stage: str) -> None:
    asked = [name for kind in ASKS.get(stage, ()) for name in addons.offering(kind).values()]
    files_of_stage = reached(module_of(stage), *asked)
    decide = {"pipeline/config/models.py"} if "train" in STAGES[stage].get("params", []) else set()
    decide |= {path for path in files_of_stage if not any(within(path, place) for place in DECIDE_NO_BYTE)}
    if stage == "evaluate":  # they read of params what they are asked to tell, network and training aside
        decide -= {"pipeline/config/models.py"}
    assert [path for path in decide if not any(within(path, dep) for dep in CODE[stage])] == []
    assert [dep for dep in CODE[stage] if not any(within(path, dep) for path in decide)] == []


def test_what_makes_a_model_stale_is_little() -> None:
    every = [path.relative_to(ROOT).as_posix() for path in (ROOT / "pipeline").rglob("*.py")]
    found = [path for path in every if any(within(path, dep) for dep in CODE["train"])]
    assert len(found) <= 15
    assert sum(len((ROOT / path).read_text().splitlines()) for path in found) <= 1800


def test_training_never_sees_the_test_split() -> None:
    data = {dep for dep in STAGES["train"]["deps"] if dep.startswith("data/")}
    assert data == {f"data/prepared/{name}" for name in ("dataset.json", "train", "validation")}


@pytest.mark.parametrize("stage", STAGES)
def test_what_git_keeps_does_not_switch_off_the_run_cache(stage: str) -> None:
    kept = [out for out in STAGES[stage].get("outs", []) if isinstance(out, dict)]
    assert not kept or stage == "report"


def test_commands_look_where_the_stages_write() -> None:
    made = {path for stage in lock.read(ROOT / "dvc.lock").values() for path in stage.outs}
    vgg = Training("vgg", 42)
    looked_at = [paths.DATASET, paths.TRAIN, paths.VALIDATION, paths.TEST]
    looked_at += [paths.model(vgg), paths.evaluation(vgg), paths.metrics(vgg)]
    assert {path.as_posix() for path in looked_at} <= made
    assert paths.EVALUATIONS.as_posix() in STAGES["report"]["deps"]


@pytest.mark.parametrize("stage", sorted(STAGES.keys() & {"fetch", "prepare", "duplicates", "report"}))
def test_quick_stages_import_neither_tensorflow_nor_mlflow(stage: str) -> None:
    modules = [module_of(stage), *(name for kind in ASKS.get(stage, ()) for name in addons.offering(kind).values())]
    code = f"import {', '.join(modules)}, sys; print(sorted({{'tensorflow', 'keras', 'mlflow'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_dvc_keeps_of_links_is_in_the_repository_where_nobody_else_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC reads pickles there, and would make these folders for everybody to write in if they were not there."""
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)
    named = ["git", "ls-files", ".dvc", ".dvc-site", ".dvcignore", ".gitignore"]
    kept = subprocess.run(named, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for path in kept:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "data").write_text("data")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "add", "-q", "data"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    folders = [Path(".dvc-site"), *(path for path in Path(".dvc-site").rglob("*") if path.is_dir())]
    assert Path(Repo().site_cache_dir) in folders
    assert any(path.rglob("*.db") for path in folders)
    assert [path for path in folders if path.stat().st_mode & stat.S_IWOTH] == []
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    assert "site/repo/" not in status.replace("site/repo/.gitignore", "")


def test_no_text_of_params_is_run_by_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real DVC and a real shell, with a stand-in for Python that tells what it is given."""
    monkeypatch.chdir(tmp_path)
    evil = [f"a{before}touch PWNED{after}" for before, after in ("$)", "``", "''", '""', ";;", "\n\n", "\u2028\n")]
    evil = [*evil, "a'\n touch PWNED\n'", "$(touch PWNED)", "'; touch PWNED; '", '"; touch PWNED; "']
    stages = {
        name: {"cmd": stage["cmd"], "matrix": {"a": "${evil}", "b": "${seeds}"}} for name, stage in MATRIX.items()
    }
    files.write_json(Path("params.yaml"), {"evil": evil, "seeds": (seeds := ["42", "$(touch PWNED)"])})
    files.write_json(Path("dvc.yaml"), {"stages": stages})
    Path("python").write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[2:]))\n")
    Path("python").chmod(0o755)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, check=True)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = [sys.executable, "-m", "dvc", "repro"]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    told = {tuple(json.loads(line)[:2]) for line in done.stdout.splitlines() if line.startswith('["pipeline.')}
    assert told == {(module_of(name), f"{name}@{a}-{b}") for name in stages for a, b in itertools.product(evil, seeds)}
    assert not [path for path in Path.cwd().rglob("*") if "PWNED" in path.name]


def test_lock_is_up_to_date_with_params_and_code() -> None:
    """A clone has neither data nor models, but the params, the code and the reports that dvc.lock speaks of."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    changed = [
        f"{stage}: {path} {state}"
        for stage, entries in json.loads(done.stdout).items()
        for entry in entries
        for path, state in (_flat(entry) if isinstance(entry, dict) else [(entry, "")])
        if not (state in ("deleted", "not in cache") and NOT_IN_GIT.match(path))
    ]
    assert not changed, "run `dvc repro` and commit dvc.lock and reports/"


NOT_IN_GIT = re.compile(r"(data|models)/|reports/[^/]+/predictions\.csv")


def _flat(entry: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for value in entry.values():
        for path, state in value.items():
            found += _flat({path: state}) if isinstance(state, dict) else [(path, state)]
    return found
