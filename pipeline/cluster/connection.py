"""Join the cluster that `RAY_ADDRESS` names, or start Ray on this machine's cores."""

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.base.errors import InputError


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
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray  # here: an optional package, and half a second

    logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)  # it warns that it asks for a token
    address = os.environ.get("RAY_ADDRESS", "local")
    try:
        ray.init(
            address=address, include_dashboard=False if address == "local" else None, logging_level=logging.WARNING
        )
    except (ConnectionError, TimeoutError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"RAY_ADDRESS {address} is not reached ({reason}): start the cluster, or unset it") from None
    try:
        yield ray
    finally:
        ray.shutdown()
