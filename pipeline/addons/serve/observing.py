"""Notes what the service sees, a few numbers of a picture, for `python -m pipeline drift`."""

import time
from pathlib import Path

import numpy as np

from pipeline.addons.drift import observations
from pipeline.addons.serve.model import Model
from pipeline.addons.serve.watching import log
from pipeline.base.errors import InputError

PAUSE = 0.1  # seconds from note to note: a log does not grow with the load
LONGEST = 2**24  # bytes of a log, some 60,000 pictures; as many are kept beside it, in FILE.1


class Observer:
    """A log of observations."""

    def __init__(self, path: Path) -> None:
        """Go on with the log, or begin it; raise `InputError` if it cannot be written."""
        self._path, self._next = path, 0.0
        try:
            self._write("")
        except OSError as error:
            raise InputError(f"--observe {path} cannot be written ({error.strerror}): name another file") from None

    def note(self, model: Model, images: np.ndarray, probabilities: np.ndarray) -> None:
        """Note the first of these images, unless one was noted just now; a full disk costs notes, and no answer."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PAUSE
        try:
            self._write(observations.line(images[:1], probabilities[:1], model.about["fingerprint"]))
        except OSError as error:
            log(error=f"--observe {self._path} cannot be written: {error.strerror}")

    def _write(self, line: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
            full = file.tell() >= LONGEST
        if full:
            self._path.replace(f"{self._path}.1")
