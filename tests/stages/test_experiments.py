"""DVC's experiments: in a folder of their own, and queued for two workers, all log to the one store."""

import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import kills
from benchmarks.workspace import Workspace

pytestmark = pytest.mark.slow
PATIENCE = 600.0  # seconds for two workers on a busy machine


def evaluated(workspace: Workspace) -> list[Any]:
    return [run for run in workspace.runs() if "test/accuracy" in run.data.metrics and run.info.status == "FINISHED"]


def test_experiments_apart_and_queued_all_log_to_the_one_store(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    workspace.write(kills.params(2))
    workspace.repro()
    workspace.commit()
    apart = workspace.run("dvc", "exp", "run", "--temp", "-n", "apart", "-S", "train.batch_size=16")
    assert apart.returncode == 0, apart.stdout + apart.stderr
    for name, size in (("first", 48), ("second", 64)):
        queued = workspace.run("dvc", "exp", "run", "--queue", "-n", name, "-S", f"train.batch_size={size}")
        assert queued.returncode == 0, queued.stdout + queued.stderr
    # Its workers hold its pipes, and one may stay for ever (when it reads a message that the other has half written,
    # DVC's watch over the empty queue dies), so their end is not waited for.
    with workspace.start("dvc", "queue", "start", "--jobs", "2") as starting:
        assert starting.wait() == 0
        deadline = time.monotonic() + PATIENCE
        while len(evaluated(workspace)) < 4 and time.monotonic() < deadline:
            time.sleep(1)
        workspace.run("dvc", "queue", "stop")

    runs = evaluated(workspace)
    assert {run.data.tags.get("dvc.experiment") for run in runs} == {None, "apart", "first", "second"}
    assert len({run.data.tags["fingerprint"] for run in runs}) == 4
    shown = workspace.run("dvc", "exp", "show", "--csv", "--only-changed", "--drop", ".*/").stdout
    assert all(name in shown for name in ("apart", "first", "second"))
    head = shown.splitlines()[0].split(",")
    assert "train.batch_size" in head
    assert [name for name in head if name.endswith(".accuracy")]
    assert not [name for name in head if "/" in name]
