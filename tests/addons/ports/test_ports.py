"""`make ui` and `make serve` on another port, and on one that is taken."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.__main__ import commands
from pipeline.addons.ports import ports
from pipeline.base.errors import InputError
from tests.commands.test_commands import SLOW
from tests.conftest import ROOT


@pytest.fixture
def taken() -> Iterator[str]:
    """Listen on a port, and return its number."""
    with socket.create_server((ports.HOST, 0)) as listening:
        yield str(listening.getsockname()[1])


@pytest.fixture
def free() -> str:
    with socket.create_server((ports.HOST, 0)) as listening:
        return str(listening.getsockname()[1])


def test_a_free_port_is_its_number(free: str) -> None:
    assert ports.require_free(free, "name another") == int(free)


@pytest.mark.parametrize("text", ["", "five", "-1", "0", "65536", "80.5"])
def test_what_is_no_port_is_named(text: str) -> None:
    with pytest.raises(InputError) as caught:
        ports.require_free(text, "name another")
    assert str(caught.value) == f"{text} is no port, a number from 1 to 65535: name another"


@pytest.mark.parametrize("name", [name for name in ("ui", "serve") if name in commands()])
def test_a_taken_port_is_one_line_at_once(tmp_path: Path, taken: str, name: str) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT), "UI_PORT": taken, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/a.db"}
    command = [sys.executable, "-X", "importtime", "-m", "pipeline", name, *([taken] if name == "serve" else [])]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    imports, said = (
        [line for line in done.stderr.splitlines() if line.startswith("import time:") == of_imports]
        for of_imports in (True, False)
    )
    assert done.returncode == 2
    assert said == [
        f"error: port {taken} of 127.0.0.1 cannot be had (Address already in use): name another, as in "
        f"`make {name} PORT={5055 if name == 'ui' else 8080}`"
    ]
    assert not {line.split("|")[-1].strip() for line in imports} & SLOW  # what takes seconds is yet to come


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("ui", 'UI_PORT="" python -m pipeline ui'),
        ("ui PORT=5055", 'UI_PORT="5055" python -m pipeline ui'),
        ("serve", "python -m pipeline serve"),
        ("serve PORT=8080", "python -m pipeline serve 8080"),
    ],
)
def test_make_hands_the_port_on(words: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "UI_PORT", "MAKEFLAGS"):
        monkeypatch.delenv(name, raising=False)
    typed = ["make", "--dry-run", "--old-file", ".venv/runs", *words.split()]
    done = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True, check=True)
    assert command in [line.strip() for line in done.stdout.splitlines()]
