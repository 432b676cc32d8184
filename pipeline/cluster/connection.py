"""Join the cluster that `RAY_ADDRESS` names, or start Ray on this machine's cores."""

import importlib.util
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.base.errors import InputError

SECONDS = 5  # to wait for an answer
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}  # at Ray's 15, others' work comes first


def installed() -> bool:
    """Say whether Ray is there, without importing it."""
    return importlib.util.find_spec("ray") is not None


def wanted(at_once: int) -> bool:
    """Say whether Ray is asked for: for several things at once, or by `RAY_ADDRESS`."""
    return at_once > 1 or bool(os.environ.get("RAY_ADDRESS"))


@contextmanager
def connected() -> Iterator[Any]:
    """Connect, yield `ray`, and leave. Raise `InputError` where Ray is missing or its cluster cannot be reached."""
    if not installed():
        raise InputError("Ray is not installed, which runs several things at once: `make cluster` installs it")
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray  # here: an optional package, and half a second

    address = os.environ.get("RAY_ADDRESS") or "local"
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        _require_listener(address)
        ray.init(
            address=address,
            include_dashboard=False if address == "local" else None,
            logging_level=logging.ERROR,
            log_to_driver=False,  # what others print would stand between the lines of this process
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"RAY_ADDRESS {address} is not reached ({reason}): start the cluster, or unset it") from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's would exit as after a failure
    try:
        yield ray
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Raise `OSError` where nobody listens at a host and port: Ray would try for two minutes, and end the process."""
    if address.startswith("ray://"):
        raise ValueError("Ray's client does not train: start Ray on this machine, and name the head's HOST:PORT")
    host, separator, port = address.rpartition(":")
    if separator:
        socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS).close()
