"""What no kill may cost: whole sweeps on digits, by real processes, killed at random moments and run again."""

import os
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial

from benchmarks import kills
from benchmarks.workspace import Workspace
from pipeline.base import files
from tests import sweeping
from tests.addons.sweep.test_sweep_trials import without_times
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
FILTERS = {"blocks.0.filters.0": [2, 3, 4, 6], "blocks.0.filters.1": [2, 4], "blocks.1.filters.0": [4, 8]}


def workspace(folder: Path, **changes: Any) -> Workspace:
    """Make a folder with digits prepared and a sweep of filter counts."""
    made = Workspace(folder)
    small = sweeping.SMALL | {"train": {"epochs": 6}}
    made.write(files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"models": {"small": small}, "gate": {}})
    described = {"model": "small", "space": FILTERS, "trials": 12}
    sweeping.write(folder / "sweeps" / "filters.yaml", described | changes)
    made.repro("prepare")
    return made


def known(made: Workspace) -> list[FrozenTrial]:
    """Read the trials so far."""
    path = made.folder / ".sweeps" / "filters" / "trials.log"
    return optuna.load_study(study_name="filters", storage=JournalStorage(JournalFileBackend(str(path)))).trials


def epochs(made: Workspace) -> int:
    """Count the epochs that trials have trained."""
    return [metric[0] for one in kills.journals(made) for metric in one["metrics"]].count("epoch/seconds")


def states(made: Workspace) -> dict[str, str]:
    """Return the MD5 of each state that trainings could go on from, by fingerprint."""
    return {path.parts[-3]: files.md5(path) for path in made.folder.glob(".runs/*/*/state.npz")}


def kill_after_an_epoch_more(made: Workspace, delay: float) -> None:
    before, sweep = epochs(made), made.start("pipeline", "sweep", "sweeps/filters.yaml")
    while sweep.poll() is None and epochs(made) < before + 2:
        time.sleep(0.02)
    time.sleep(delay)
    assert sweep.poll() is None, sweep.communicate()
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.communicate()


def finish(made: Workspace) -> subprocess.CompletedProcess[str]:
    done = made.run("pipeline", "sweep", "sweeps/filters.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done


def test_a_sweep_killed_five_times_ends_as_the_undisturbed_one_and_its_best_is_reproduced(tmp_path: Path) -> None:
    whole, killed = (workspace(tmp_path / name, pruner="median") for name in ("whole", "killed"))
    finish(whole)
    chance = random.Random(0)
    for _ in range(5):
        kill_after_an_epoch_more(killed, chance.uniform(0, 0.5))
    told = finish(killed)
    assert states(killed) == states(whole)
    assert without_times(known(killed)) == without_times(known(whole))
    assert {trial.state.name for trial in known(whole)} == {"COMPLETE", "PRUNED"}
    journals = kills.journals(killed)
    assert sorted(int(one["tags"].get("sweep.trial", -1)) for one in journals) == list(range(-1, 12))  # none run twice
    runs = killed.runs()
    (sweep,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == sweep.info.run_id]
    assert len(children) == 12
    assert sweep.data.metrics["best/validation/accuracy"] == max(
        run.data.metrics.get("validation/accuracy", 0) for run in children
    )
    assert {run.data.tags["sweep.state"] for run in children} == {"complete", "pruned"}
    assert {run.info.status for run in children} == {"FINISHED", "KILLED"}
    assert ".sweeps/filters/trials.csv has it too" in told.stdout

    assert killed.run("pipeline", "sweep", "sweeps/filters.yaml", "--apply").returncode == 0
    (killed.folder / ".runs").rename(tmp_path / "runs")  # the training's state, from which it would only be written out
    killed.repro("evaluate@small_filters-42")
    metrics = files.read_json(killed.folder / "reports" / "small_filters-42" / "metrics.json")
    best = max(trial.value or 0 for trial in known(killed) if trial.state.name == "COMPLETE")
    assert metrics["validation"]["accuracy"] == best


def test_with_ray_two_are_trained_at_once_and_one_that_is_killed_is_run_again(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: `make cluster`")
    made = workspace(tmp_path / "a", trials=4, at_once=2)
    with tempfile.TemporaryDirectory() as folder:  # a short name: Ray's sockets are below it
        sweep = made.start("pipeline", "sweep", "sweeps/filters.yaml", RAY_TMPDIR=folder, RAY_worker_niceness="0")
        while sweep.poll() is None and epochs(made) < 2:
            time.sleep(0.02)
        children = psutil.Process(sweep.pid).children(recursive=True)
        at_work = [child for child in children if child.name() == "ray::_train_in"]
        assert at_work
        at_work[0].kill()
        stdout, stderr = sweep.communicate()
    assert (sweep.returncode, stderr) == (0, ""), stdout
    assert [trial.state.name for trial in known(made)] == ["COMPLETE"] * 4
    assert sorted(re.findall(r"^trial (\d):", stdout, re.MULTILINE)) == ["0", "1", "2", "3"]
    journals = kills.journals(made)
    assert sorted(one["tags"].get("sweep.trial", "") for one in journals) == ["", "0", "1", "2", "3"]
    for one in journals:
        seen = [metric[3] for metric in one["metrics"] if metric[0] == "epoch/train_loss"]
        assert seen == ([1, 2, 3, 4, 5, 6] if "sweep.trial" in one["tags"] else [])
