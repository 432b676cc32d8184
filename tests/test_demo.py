"""`make demo`, smaller: the commands that it prints at its end do what they say, and share the repository's store."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.stages.test_end_to_end import PARAMS

pytestmark = pytest.mark.slow


def shell(folder: Path, command: str, code: int = 0) -> str:
    """Run a command as a person would, in a shell with the environment, and return what it printed."""
    unset = ("MLFLOW_TRACKING_URI", "MAKEFLAGS", "MAKELEVEL", "DVC_ROOT")
    known = {name: value for name, value in os.environ.items() if name not in unset}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=known | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_what_the_demo_prints_at_its_end_works(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for name in ("pipeline", ".dvc/plots", "recipes"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "dvc.yaml", "params.yaml", ".dvcignore", ".dvc/config"):
        shutil.copy(ROOT / name, clone / name)
    with (clone / "recipes/demo.yaml").open("w") as file:
        YAML().dump(PARAMS | {"seeds": [42], "models": {"vgg": PARAMS["models"]["plain"]}}, file)
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/activate").write_text(f"# of {clone}/.venv\n")

    printed = shell(clone, "make demo -o .venv/serve")
    assert re.search(r"^MLflow: +make ui$", printed, re.MULTILINE)
    (enter,) = re.findall(r"^source .+", printed, re.MULTILINE)
    typed = re.findall(r"^python -m .+", printed, re.MULTILINE)
    assert [line.split()[3] for line in typed] == ["predict", "registry", "predict", "serve"]
    by_name, promoted, by_champion = (shell(clone, f"{enter} && {line}") for line in typed[:3])
    assert by_name == by_champion
    assert by_name.splitlines()[0] == "digit.png"
    assert len(by_name.splitlines()) == 3 + 10  # a line for each digit
    assert promoted.startswith("champion: digits version 1: vgg")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = f"timeout 300 {typed[3].partition('#')[0]} {port} & for _ in {{1..200}}; do sleep 1"
    opened = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/version')"
    asked = f'python -c "{opened}" 2>/dev/null && break'
    # on lines of their own: after `&&`, `&` would put both into the background, and %1 would be their shell
    served = shell(clone, f"{enter}\n{serve}; {asked}; done; kill %1; wait")
    assert served.startswith("serving digits version 1: vgg")
    assert '"path": "/version", "status": 200' in served
    assert shell(clone / ".demo", "python -m pipeline sync").startswith("nothing was missing at ")
    assert [path.name for path in clone.rglob("mlflow.db") if not path.is_symlink()] == ["mlflow.db"]
    assert not (clone / ".demo/mlartifacts").exists()
