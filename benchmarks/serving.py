"""The service beside others, with the same networks and images: start, memory, requests and images a second.

Others are left out unless they are installed, each in an environment of its own in `.benchmarks/`: for `LitServe`,
`uv venv .benchmarks/litserve && uv pip install --python .benchmarks/litserve litserve ai-edge-litert`, and so on for
`bentoml` and `ray-serve` (`ray[serve]`). `before` is this project at a commit whose server was mlflow's. The clients
are on the same machine, and take their part of it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import load
from benchmarks.processes import alone
from benchmarks.servers import free_port
from pipeline.base import files
from pipeline.data import arrays

COMMIT = "b11d9e7"  # the last one that served by mlflow
NETWORKS = {"vgg": "recipes/published/vgg.yaml", "fast": "recipes/fast.yaml"}
CLIENTS, BATCH, ROUNDS, SECONDS, PATIENCE = (1, 8, 64), 300, 3, 4, 180
OURS, MLFLOW = "this service", "mlflow models serve"
KINDS = {"JSON": "application/json", "raw": "application/octet-stream"}
Measured = dict[str, float]


def table() -> str:
    """Measure all, and return a Markdown table for each network."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", f"{folder}/before", COMMIT], check=True)
        try:
            return "\n\n".join(_table(Path(folder), name) for name in NETWORKS)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", f"{folder}/before"], check=True)


def _table(folder: Path, name: str) -> str:
    place = folder / name
    alone(prepare, place, name)
    rounds: dict[str, list[Measured]] = {}
    for _ in range(ROUNDS):  # each in turn, since what else the machine does changes
        for service, (command, where) in commands(folder, place).items():
            try:
                found = measured(service, place, command, where)
            except (OSError, AssertionError) as error:
                print(f"{service} does not answer: {error}", flush=True)
                continue
            rounds.setdefault(service, []).append(found)
            print(name, service, {key: round(value, 2) for key, value in found.items()}, flush=True)
    columns = list(rounds[OURS][0])
    lines = [f"| {name} | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for service, all_found in rounds.items():
        cells = [_cell([found[column] for found in all_found if column in found]) for column in columns]
        lines.append(f"| {service} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    if not values:
        return "–"
    value = statistics.median(values)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def prepare(place: Path, name: str) -> None:
    """Write a network, with weights of chance, as this service and as mlflow take it; and images."""
    import mlflow
    from mlflow.models import infer_signature

    from pipeline.addons.export import litert
    from pipeline.addons.registry import folder as version_folder
    from pipeline.config import loading
    from pipeline.network import building, saving

    network = loading.load(Path(NETWORKS[name])).models[name]
    built = building.build(network, (28, 28, 1), 10, {"scale": [1 / 255], "offset": [0.0]})
    files.write_bytes(place / "model.keras", saving.to_bytes(built))
    model = saving.load(place / "model.keras")
    told = {"classes": list("0123456789"), "dataset": "some", "version": "1", "model": name, "fingerprint": "0"}
    version_folder.write(place, litert.to_litert(model), told | {"description": name})
    images = arrays.read(Path("data/prepared/test"))[0][:BATCH]
    np.save(place / "images.npy", images)
    signature = infer_signature(images[:1], model.predict(images[:1], verbose=0))
    mlflow.tensorflow.save_model(model, str(place / "model"), signature=signature, pip_requirements=["keras"])


def commands(folder: Path, place: Path) -> dict[str, tuple[list[str], Path]]:
    """Return what starts each service, but for the port, which stands as PORT, and where."""
    mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    here, other = Path.cwd(), str(Path("benchmarks/other_services.py").resolve())
    found = {
        OURS: ([sys.executable, "-m", "pipeline", "serve", "PORT", "--folder", str(place)], here),
        "before": ([sys.executable, other, "before", "PORT", str(place)], folder / "before"),
        MLFLOW: ([*mlflow, "--port", "PORT", "--model-uri", str(place / "model")], folder),
    }
    for name in ("LitServe", "BentoML", "Ray Serve"):
        python = here / ".benchmarks" / name.lower().replace(" ", "-") / "bin/python"
        if python.exists():
            found[name] = ([str(python), other, name, "PORT", str(place)], here)
    return found


def measured(service: str, place: Path, command: list[str], where: Path) -> Measured:
    """Start a service, and return what its columns of the table hold; `place` has the images."""
    port, found, images = free_port(), Measured(), np.load(place / "images.npy")
    began = time.perf_counter()
    with started([word.replace("PORT", str(port)) for word in command], where) as process:
        first(process, port, requests(images[:1])["JSON"])
        found["start, s"] = time.perf_counter() - began
        for clients in CLIENTS:
            answers = alone(load.ask, port, requests(images[:1])["JSON"], clients, SECONDS)
            found |= {f"p50, {clients}, ms": answers.median, f"p99, {clients}, ms": answers.slow}
            found[f"requests/s, {clients}"] = answers.rate
        for kind, request in requests(images).items():
            if kind == "JSON" or service == OURS:
                found[f"images/s, {kind}"] = BATCH * alone(load.ask, port, request, 4, SECONDS).rate
        processes = [process, *process.children(recursive=True)]
        found["memory, MB"] = sum(one.memory_full_info().pss for one in processes) / 1e6
    return found


def requests(images: np.ndarray) -> dict[str, bytes]:
    """Return the same images as a request of every kind."""
    made = {"JSON": json.dumps({"inputs": images.tolist()}).encode(), "raw": images.tobytes()}
    shape = ", ".join(map(str, images.shape))
    return {kind: load.request("/invocations", made[kind], name, Shape=shape) for kind, name in KINDS.items()}


@contextmanager
def started(command: list[str], where: Path, **variables: str) -> Iterator[psutil.Popen]:
    """Run a command with all its processes, and end them."""
    environment = {
        "PATH": f"{Path(command[0]).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(where),
        "HOME": str(Path.home()),
        **variables,
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = psutil.Popen(command, cwd=where, env=environment, **quiet)
    try:
        yield process
    finally:
        all_of_them = [*process.children(recursive=True), process] if process.is_running() else []
        for one in all_of_them:
            one.terminate()
        for one in psutil.wait_procs(all_of_them, timeout=10)[1]:
            one.kill()


def first(process: Any, port: int, request: bytes) -> None:
    """Wait for the first answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            load.ask(port, request, 1, 0)
            return
        except (OSError, AssertionError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
