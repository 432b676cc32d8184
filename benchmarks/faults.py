"""What faults cost a training: `python -m benchmarks.faults [KILLS]`.

Trains an augmented, dropout-heavy network on digits twice by `dvc repro`: once left alone, and once killed KILLS times
(50) at random moments, told to end, its disk full, its server dead, and run again each time. Prints for each fault how
often it came, how often the next command went on in the same run, and how many finished epochs were lost; then whether
every out is the same bytes, and whether the run on the server is whole. The full disk is real: mounting needs root.
Prediction before the first run: all recovered, the same bytes; an epoch lost only where a kill falls between the
journal's line and the state, some milliseconds, so none or one in 50.
"""

import argparse
import collections
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow

from benchmarks import kills
from benchmarks.servers import Server, mlflow_server
from benchmarks.workspace import Workspace
from pipeline.base import files

FULL_DISK, SERVER_DEATH = "full disk", "server death"
SIGNALS = {
    "SIGKILL of the stage": (signal.SIGKILL, "stage"),
    "SIGKILL of dvc": (signal.SIGKILL, "dvc"),
    "SIGKILL of both": (signal.SIGKILL, "both"),
    "SIGTERM of the stage": (signal.SIGTERM, "stage"),
    "Ctrl-C": (signal.SIGINT, "both"),
}


def main() -> None:
    """Print the table of faults, and exit 1 unless all was recovered."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kills", metavar="KILLS", nargs="?", type=int, default=50, help="50 if left out")
    count = parser.parse_args().kills
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores Ctrl-C, and so would dvc
    faults = [list(SIGNALS)[index % 3] for index in range(count)]
    faults += [name for name in (*list(SIGNALS)[3:], FULL_DISK, SERVER_DEATH) for _ in range(max(1, count // 10))]
    random.Random(0).shuffle(faults)
    params = kills.params(4 * len(faults))
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder, "hurt")) as hurt_folder:
        whole, hurt = Workspace(Path(folder, "whole")), Workspace(hurt_folder)
        for workspace in (whole, hurt):
            workspace.write(params)
            workspace.repro("prepare")
        began = time.monotonic()
        whole.repro()
        print(f"left alone: {time.monotonic() - began:.0f} s", flush=True)
        with mlflow_server(Path(folder), f"sqlite:///{folder}/runs.db") as server:
            tallies = suffer(hurt, server, faults)
            print(f"{'fault':24}{'times':>6}{'recovered':>11}{'epochs lost':>13}")
            for name, (times, recovered, lost) in sorted(tallies.items()):
                print(f"{name:24}{times:6}{recovered:11}{lost:13}")
            hurt.repro(MLFLOW_TRACKING_URI=server.address)
            hurt.run("pipeline", "sync", MLFLOW_TRACKING_URI=server.address)
            same, complete = hurt.digests() == whole.digests(), is_whole(server, 4 * len(faults))
    print(f"every out the same bytes: {same}; one run, finished, with every epoch once: {complete}")
    sys.exit(not (same and complete and all(times == recovered for times, recovered, _ in tallies.values())))


def suffer(workspace: Workspace, server: Server, faults: list[str]) -> dict[str, list[int]]:
    """Let each fault come upon the training, and return for each kind: times, recovered, epochs lost."""
    tallies: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0, 0])
    chance, done, before = random.Random(1), 0, ""
    for fault in [*faults, None]:  # each is judged by how the next start goes on
        printed = strike(workspace, server, fault or "SIGTERM of the stage", chance.uniform(0, 0.5))
        after = re.search(r"goes on after epoch (\d+) of", printed)
        if before and after:
            tallies[before][1] += len(kills.journals(workspace)) == 1
            tallies[before][2] += max(0, done - int(after[1]))
        if fault:
            tallies[fault][0] += 1
            before, done = fault, epochs(workspace)
            print(f"{time.strftime('%H:%M:%S')} {fault}: {done} epochs", flush=True)
    return dict(tallies)


def strike(workspace: Workspace, server: Server, fault: str, delay: float) -> str:
    """Start `dvc repro`, let one fault come upon it after its next epoch, and return what it printed."""
    variables = {"MLFLOW_TRACKING_URI": server.address, "PYTHONUNBUFFERED": "1"}
    if fault in SIGNALS:
        how, whom = SIGNALS[fault]
        return kills.interrupt(workspace, how, whom, delay, **variables)
    dvc = kills.train_an_epoch(workspace, **variables)
    if fault == SERVER_DEATH:
        server.kill()
        known = epochs(workspace)
        while dvc.poll() is None and epochs(workspace) == known:  # it goes on without
            time.sleep(0.01)
        os.killpg(dvc.pid, signal.SIGTERM)
        server.start()
    else:
        fill(workspace.folder / "filler")
    stdout, stderr = dvc.communicate()
    (workspace.folder / "filler").unlink(missing_ok=True)
    if fault == FULL_DISK and "error: the disk is full" not in stderr:
        print(f"a full disk was not told in one line:\n{stderr}", flush=True)
    return stdout + stderr


def epochs(workspace: Workspace) -> int:
    """Return how many epochs have a state: the newest one's history tells."""
    (state,) = workspace.folder.glob(".runs/*/*/state.npz")
    return len(files.read_arrays(state)["history/epoch"])


def is_whole(server: Server, wanted: int) -> bool:
    """Tell whether the server has one run, finished, with each epoch once."""
    client = mlflow.MlflowClient(server.address)
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(runs[0].info.run_id, "epoch/validation_loss")
    steps = [point.step for point in history]
    return [run.info.status for run in runs] == ["FINISHED"] and steps == list(range(1, wanted + 1))


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        return


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount 100 MB of memory as a disk of its own."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


if __name__ == "__main__":
    main()
