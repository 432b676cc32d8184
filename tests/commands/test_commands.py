"""Every command that a person types explains itself."""

import importlib
import re
import subprocess
import sys

import pytest

from pipeline.__main__ import commands
from tests.conftest import ROOT

COMMANDS = {f"pipeline {name}": module for name, module in commands().items()}
MEASURES = {f"benchmarks.{name}": f"benchmarks.{name}" for name in ("run", "faults")}
SLOW = {"tensorflow", "keras", "mlflow", "sklearn", "matplotlib"}


@pytest.mark.parametrize(("name", "module"), (COMMANDS | MEASURES).items(), ids=COMMANDS | MEASURES)
def test_help_is_what_the_command_says_of_itself(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.import_module(module)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as caught:
        found.main()
    assert caught.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(f"usage: python -m {name} ")
    assert re.split("[.:,]", found.__doc__ or "")[0] in printed


def test_without_a_command_all_are_listed_and_nothing_is_imported() -> None:
    code = "import runpy, sys; sys.argv = ['pipeline']; runpy.run_module('pipeline', run_name='__main__'); "
    code += "print(sorted(name for name in sys.modules if name.startswith('pipeline.') and 'command' in name))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    *lines, imported = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(commands())
    assert imported == "[]"


def test_an_unknown_command_is_refused_with_the_nearest() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "gaet"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: gaet is unknown; did you mean gate?")


@pytest.mark.parametrize("name", [name for name in ("gate", "params", "serve") if name in commands()])
def test_help_waits_for_no_library_that_takes_seconds(name: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "pipeline", name, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "argparse" in imported
    assert not imported & SLOW


@pytest.mark.parametrize("name", [name for name in ("gate", "params", "serve") if name in commands()])
def test_an_argument_too_many_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, "one", "two"])
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(commands()[name]).main()
    assert caught.value.code == 2
