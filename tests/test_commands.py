"""Every command that a person types explains itself."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

COMMANDS = [path for path in sorted((ROOT / "pipeline").glob("*.py")) if "__main__" in path.read_text()]
MEASURES = [ROOT / "benchmarks/run.py", ROOT / "benchmarks/faults.py"]
SLOW = {"tensorflow", "keras", "mlflow", "sklearn", "matplotlib"}


@pytest.mark.parametrize("path", [*COMMANDS, *MEASURES], ids=lambda path: str(path.stem))
def test_help_is_what_the_command_says_of_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(f"{path.parent.name}.{path.stem}")
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as caught:
        module.main()
    assert caught.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"usage: python -m {module.__name__} ")
    assert re.split("[.:,]", module.__doc__ or "")[0] in told


@pytest.mark.parametrize("name", ["gate", "params", "serve"])
def test_help_waits_for_no_library_that_takes_seconds(name: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", f"pipeline.{name}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "argparse" in imported
    assert not imported & SLOW


@pytest.mark.parametrize("name", ["gate", "params", "serve"])
def test_an_argument_too_many_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, "one", "two"])
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(f"pipeline.{name}").main()
    assert caught.value.code == 2
