"""Serve the champion on 127.0.0.1: pictures and arrays in, probabilities out, and a page to try it.

`python -m pipeline serve [PORT]`. It answers without TensorFlow and mlflow: from the folder `.champion/`, into which
`python -m pipeline registry` brings whatever is promoted, or from any other folder like those in it. A new champion is
in use within seconds, and no request is lost over it.
"""
# ruff: noqa: E402  # what is missing is told before it is imported

import argparse
import asyncio
import ctypes
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import addons

addons.require("the service", "serve", "httptools", "prometheus_client", "python_multipart", "starlette", "uvicorn")

import uvicorn

from pipeline.addons.registry import asking
from pipeline.addons.serve import app, exported
from pipeline.addons.serve.batching import Batcher
from pipeline.addons.serve.connections import MOST, Connection
from pipeline.addons.serve.observing import Observer
from pipeline.addons.serve.watching import log
from pipeline.base import processor
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.tracking import location, ports

PORT = 5001
PAUSE = 1  # seconds between two looks at which version is the champion
PATIENCE = 60  # seconds until a champion that could not be fetched is tried again
GRACE = 8  # seconds for what is being answered at the end; a picture that is being decoded takes up to two more
KEPT = 32 * 2**20  # bytes of freed memory that are not given back: to get them anew takes as long as to read a body


def main() -> None:
    """Serve until interrupted."""
    given = _arguments()
    port = ports.require_free(given.port, "name another, as in `make serve PORT=8080`")
    _prepare()
    champion = None if given.folder else Champion(loading.load().fetch.dataset_name, given.version)
    folder = champion.first() if champion else given.folder
    batcher = Batcher(exported.read(folder, processor.threads()))
    print(f"serving {batcher.model.description} on http://{given.host}:{port}", flush=True)
    observer = Observer(given.observe) if given.observe else None
    follow = partial(champion.follow, batcher) if champion else None
    served: Any = app.make(batcher, os.environ.get("SERVE_TOKEN"), follow, observer, _hosts(given.host))
    uvicorn.run(
        served,
        host=given.host,
        port=port,
        http=Connection,
        ws="none",
        proxy_headers=False,
        access_log=False,
        log_level="error",
        server_header=False,
        backlog=4096,
        timeout_graceful_shutdown=GRACE,
    )


def _arguments() -> Any:
    parser = argparse.ArgumentParser(
        "python -m pipeline serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("port", metavar="PORT", nargs="?", default=str(PORT), help=f"{PORT} if left out")
    parser.add_argument("--host", default=ports.HOST, help=f"the address to listen on, {ports.HOST} if left out")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--version", metavar="N", help="serve this version, whatever becomes champion")
    which.add_argument(
        "--folder", metavar="DIR", type=Path, help="serve what this folder holds, without params.yaml and a registry"
    )
    parser.add_argument(
        "--observe", metavar="FILE", type=Path, help="note a few numbers of pictures and answers: docs/drift.md"
    )
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
        ctypes.CDLL(None).mallopt(-1, KEPT)  # M_TRIM_THRESHOLD
        ctypes.CDLL(None).mallopt(-3, KEPT // 4)  # M_MMAP_THRESHOLD


class Champion:
    """The folders of a dataset's versions, and which is to be served: the champion, or the version named for good."""

    def __init__(self, dataset: str, version: str | None = None) -> None:
        self.dataset, self.version, self.root = dataset, version, exported.root(location.repository(), dataset)
        self._failed: tuple[Any, float] = (None, 0.0)  # what could not be fetched, and when to try again

    def first(self) -> Path:
        """Return the folder to begin with; only where there is none, it is fetched, which takes seconds.

        A tracking server is not waited for where a champion is known: `follow` asks it soon enough.
        """
        known = None if self.version or location.database() else self._folder(None)
        if folder := known or self._folder(self._asked()):
            return folder
        self._fetch()
        if folder := self._folder(self._asked()):
            return folder
        raise InputError(f"{self.root} does not hold what is to be served: `python -m pipeline registry show` tells it")

    async def follow(self, batcher: Batcher) -> None:
        """Give a batcher each new champion, for ever."""
        while not self.version:
            await asyncio.sleep(PAUSE)
            try:
                await asyncio.to_thread(self._look, batcher)
            except Exception as error:  # whatever it is, the next look may do better
                log(error=f"{type(error).__name__}: {error}")

    def _look(self, batcher: Batcher) -> None:
        asked = self._asked()
        if asked and not exported.whole(exported.place(self.root, *asked)) and self._may_try(asked):
            self._failed = asked, time.monotonic() + PATIENCE
            self._fetch()
        folder = self._folder(asked)
        if folder and folder != exported.place(self.root, batcher.model.version, batcher.model.about["fingerprint"]):
            batcher.model = exported.read(folder, processor.threads())
            log(serving=batcher.model.description)

    def _asked(self) -> asking.Asked | None:
        return asking.version(self.dataset, self.version)

    def _may_try(self, asked: asking.Asked) -> bool:
        failed, until = self._failed
        return asked != failed or time.monotonic() > until

    def _folder(self, asked: asking.Asked | None) -> Path | None:
        """Return the folder of what the store says, which is noted, or else of the champion last known."""
        known = None if self.version else exported.pointed(self.root, location.store())
        if not asked or not exported.whole(folder := exported.place(self.root, *asked)):
            return known
        if not self.version and folder != known:
            exported.point(self.root, location.store(), folder)
        return folder

    def _fetch(self) -> None:
        """Let a process with mlflow and TensorFlow bring the version here, and end; raise `InputError` if it cannot."""
        command = [sys.executable, "-m", "pipeline", "registry", "fetch"]
        command += ["--version", self.version] if self.version else []
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise InputError((done.stderr.strip().splitlines() or ["no reason was given"])[-1].removeprefix("error: "))
