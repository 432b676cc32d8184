"""Join the cluster that `RAY_ADDRESS` names, or start Ray on this machine's cores."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline import addons
from pipeline.base.errors import InputError

HERE, ANY = "local", "auto"  # addresses that name no machine
TOKEN = Path("~/.ray/auth_token")  # `ray start` makes it and asks for it, but Ray's driver does not send it unasked
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # at Ray's 15, others' work comes first
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or Ray warns of what it will do one day
}
PATIENCE = 5.0  # seconds for a cluster to answer, where Ray itself would try for a quarter of an hour


def wanted(at_once: int) -> bool:
    """Say whether Ray is asked for: for several things at once, or by `RAY_ADDRESS`."""
    return at_once > 1 or bool(os.environ.get("RAY_ADDRESS"))


@contextmanager
def connected() -> Iterator[Any]:
    """Connect, yield `ray`, and leave. Raise `InputError` where Ray is missing or its cluster cannot be reached."""
    addons.require("doing several things at once", "cluster", "ray")
    address, on_sigterm = os.environ.get("RAY_ADDRESS") or HERE, signal.getsignal(signal.SIGTERM)
    try:
        ray = _joined(address)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise InputError(
            f"RAY_ADDRESS {address} is not reached ({str(error).splitlines()[0]:.100}): start the cluster and name its "
            "head, as in 10.0.0.1:6379, or unset it"
        ) from None
    signal.signal(signal.SIGTERM, on_sigterm)  # Ray has its own, which prints where the process is
    try:
        yield ray
    finally:
        ray.shutdown()


def shares(ray: Any, count: int, key: str) -> dict[str, int]:
    """Return what each of so many workers takes, as Ray's options: a GPU if there are any, else the same many cores.

    Raise `InputError`, which names the `key` that asks for them, where there are too few.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    kind = "GPU" if any(node.get("GPU") for node in nodes) else "CPU"
    have = [int(node.get(kind, 0)) for node in nodes]
    cores = next((each for each in range(max(have), 0, -1) if sum(some // each for some in have) >= count), 0)
    if not cores:
        raise InputError(f"{key} is {count}, but Ray has {sum(have)} {kind}: lower it, or add machines")
    return {"num_cpus": 0, "num_gpus": 1} if kind == "GPU" else {"num_cpus": cores, "num_gpus": 0}


def _joined(address: str) -> Any:
    """Return `ray`, connected; raise an error of any kind where nobody listens."""
    if address not in (HERE, ANY):
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port)), PATIENCE).close()
    token = address != HERE and TOKEN.expanduser().exists()
    for name, value in (QUIET | ({"RAY_AUTH_MODE": "token"} if token else {})).items():
        os.environ.setdefault(name, value)
    import ray  # here: an optional package, and half a second

    dashboard = False if address == HERE else None
    logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)  # it warns that it asks for a token
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=dashboard)
    return ray
