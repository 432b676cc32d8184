"""Join the cluster that `RAY_ADDRESS` names, or start Ray on this machine's cores."""

import logging
import os
import signal
import socket
import threading
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
    address = os.environ.get("RAY_ADDRESS") or HERE
    _require_answer(address)
    token = address != HERE and TOKEN.expanduser().exists()
    for name, value in (QUIET | ({"RAY_AUTH_MODE": "token"} if token else {})).items():
        os.environ.setdefault(name, value)
    import ray  # here: an optional package, and half a second

    on_sigterm = signal.getsignal(signal.SIGTERM)
    dashboard = False if address == HERE else None
    logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)  # it warns that it asks for a token
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=dashboard)
    except (ConnectionError, TimeoutError, ValueError, RuntimeError) as error:
        raise _unreached(address, error) from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray has its own, which prints where the process is
    try:
        yield ray
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Raise `InputError` unless somebody listens where a cluster should."""
    if address in (HERE, ANY):
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, OverflowError, ValueError) as error:
        raise _unreached(address, error) from None


def _unreached(address: str, error: Exception) -> InputError:
    reason = str(error).splitlines()[0]
    return InputError(
        f"RAY_ADDRESS {address} is not reached ({reason:.100}): start the cluster and name its head, as in "
        "10.0.0.1:6379, or unset it"
    )
