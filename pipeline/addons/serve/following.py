"""Which version is served: the champion, whichever it becomes, or the one that is named."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from pipeline.addons.registry import asking, folder
from pipeline.addons.serve import model
from pipeline.addons.serve.batching import Batcher
from pipeline.addons.serve.watching import log
from pipeline.base.errors import InputError
from pipeline.tracking import location

PAUSE = 1  # seconds between two looks at which version is the champion
PATIENCE = 60  # seconds until a champion that could not be fetched is tried again


class Champion:
    """The folders of a dataset's versions, and which is to be served: the champion, or the version named for good."""

    def __init__(self, dataset: str, version: str | None = None) -> None:
        self.dataset, self.version, self.root = dataset, version, folder.root(location.repository(), dataset)
        self._tried: tuple[Path | None, float] = None, 0.0  # the last one to be fetched, and when it may be again

    def first(self) -> Path:
        """Return the folder to begin with; only where there is none, it is fetched, which takes seconds.

        A tracking server is not waited for where a champion is known: `follow` asks it soon enough.
        """
        if not location.database() and (known := self._known()):
            return known
        if found := self._whole(self._asked()):
            return found
        self._fetch()
        if found := self._whole(self._asked()):
            return found
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
        asked, served = self._asked(), batcher.model
        now = folder.place(self.root, served.version, served.about["fingerprint"])
        if asked == now:
            return
        if asked and not folder.whole(asked) and (asked != self._tried[0] or time.monotonic() > self._tried[1]):
            self._tried = asked, time.monotonic() + PATIENCE
            self._fetch()
        found = self._whole(asked)
        if found and found != now:
            batcher.model = model.load(found)
            log(serving=batcher.model.description)

    def _asked(self) -> Path | None:
        """Return where that version belongs which is to be served, as far as the store tells."""
        asked = asking.version(self.dataset, self.version)
        return folder.place(self.root, *asked) if asked else None

    def _known(self) -> Path | None:
        return None if self.version else folder.pointed(self.root, location.store())

    def _whole(self, asked: Path | None) -> Path | None:
        """Return the folder of what the store says, which is noted, or else of the champion last known."""
        known = self._known()
        if not asked or not folder.whole(asked):
            return known
        if not self.version and asked != known:
            folder.point(self.root, location.store(), asked)
        return asked

    def _fetch(self) -> None:
        """Let a process with mlflow and TensorFlow bring the version here, and end; raise `InputError` if it cannot."""
        command = [sys.executable, "-m", "pipeline", "registry", "fetch"]
        command += ["--version", self.version] if self.version else []
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise InputError((done.stderr.strip().splitlines() or ["no reason was given"])[-1].removeprefix("error: "))
