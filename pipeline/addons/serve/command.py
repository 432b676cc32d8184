"""Serve the champion on 127.0.0.1: pictures and arrays in, probabilities out, and a page to try it.

`python -m pipeline serve [PORT]`. It answers without TensorFlow and mlflow: from the folder `.champion/`, into which
`python -m pipeline registry` brings whatever is promoted, or from any other folder like those in it. A new champion is
in use within seconds, and no request is lost over it.
"""

import argparse
import ctypes
import os
import resource
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn

from pipeline.addons.drift.observations import Observer
from pipeline.addons.ports import ports
from pipeline.addons.registry import folder
from pipeline.addons.registry.model import Model
from pipeline.addons.serve import app
from pipeline.addons.serve.batching import Batcher
from pipeline.addons.serve.connections import MOST, Connection
from pipeline.addons.serve.watching import log
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.tracking import location

PORT = 5001
GRACE = 8  # seconds for what is being answered at the end; a picture that is being decoded takes up to two more
PAUSE = 1  # seconds between two looks at which version is the champion
PATIENCE = 60  # seconds until a champion that cannot be served is looked at again
KEPT = 32 * 2**20  # bytes of freed memory that are not given back: to get them anew takes as long as to read a body


def main() -> None:
    """Serve until interrupted."""
    given = _arguments()
    port = ports.require_free(given.port, "name another, as in `make serve PORT=8080`")
    _prepare()
    root = None if given.folder else folder.root(location.repository(), loading.load().fetch.dataset_name)
    batcher = Batcher(Model(first(root) if root else given.folder))
    print(f"serving {batcher.model.description} on http://{given.host}:{port}", flush=True)
    observer = Observer(given.observe) if given.observe else None
    if root:
        Thread(target=follow, args=(batcher, root), daemon=True).start()
    served: Any = app.make(batcher, os.environ.get("SERVE_TOKEN"), _hosts(given.host), observer)
    uvicorn.run(
        served,
        host=given.host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_level="error",
        server_header=False,
        backlog=4096,
        timeout_graceful_shutdown=GRACE,
    )


def first(root: Path) -> Path:
    """Return the folder of a dataset's champion; raise `InputError` where there is none."""
    if found := folder.pointed(root):
        return found
    raise InputError(f"{root} has no champion: `python -m pipeline registry promote` makes one, `fetch` brings it here")


def follow(batcher: Batcher, root: Path) -> None:
    """Give a batcher each new champion, for ever."""
    while True:
        time.sleep(PAUSE)
        try:
            look(batcher, root)
        except Exception as error:  # whatever it is, a later look may do better
            log(error=f"{type(error).__name__}: {error}")
            time.sleep(PATIENCE)


def look(batcher: Batcher, root: Path) -> None:
    """Give a batcher the champion unless it has it; raise `InputError` for one that cannot be served."""
    found = folder.pointed(root)
    if found and found != batcher.model.place:
        batcher.model = Model(found)
        log(serving=batcher.model.description)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(
        "python -m pipeline serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("port", metavar="PORT", nargs="?", default=str(PORT), help=f"{PORT} if left out")
    parser.add_argument("--host", default=ports.HOST, help=f"the address to listen on, {ports.HOST} if left out")
    fixed = "serve what this folder holds, whatever becomes champion, without params.yaml"
    parser.add_argument("--folder", metavar="DIR", type=Path, help=fixed)
    observe = "note a few numbers of pictures and answers: pipeline/addons/drift/README.md"
    parser.add_argument("--observe", metavar="FILE", type=Path, help=observe)
    return parser.parse_args()


def _hosts(bound: str) -> set[str]:
    """Return the names by which the service may be called; none stands for any, where others reach it."""
    named = {name.strip().lower() for name in os.environ.get("SERVE_HOSTS", "").split(",")} - {""}
    alone = bound in ("localhost", "::1") or bound.startswith("127.")
    return named | {"localhost"} if named or alone else set()


def _prepare() -> None:
    """Let the process have as many connections as it allows, and keep the memory that it has once had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * MOST)), hard))
    with suppress(AttributeError, OSError):  # of glibc alone
        for setting in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            ctypes.CDLL(None).mallopt(setting, KEPT)
