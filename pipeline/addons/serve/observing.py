"""Notes what the service sees, a few numbers of a picture, for `python -m pipeline drift`."""

import time
from pathlib import Path

import numpy as np

from pipeline.addons.drift import observations
from pipeline.addons.serve.model import Model
from pipeline.addons.serve.watching import log
from pipeline.base.errors import InputError

A_SECOND = 10  # pictures at most: enough to notice a change within seconds, and a log that does not grow with the load
LONGEST = 2**24  # bytes of a log, some 60,000 pictures; as many are kept beside it, in FILE.1


class Observer:
    """A log of observations."""

    def __init__(self, path: Path) -> None:
        """Go on with the log, or begin it; raise `InputError` if it cannot be written."""
        self._path, self._allowed, self._since = path, float(A_SECOND), time.monotonic()
        try:
            self._write("")
        except OSError as error:
            raise InputError(f"--observe {path} cannot be written ({error.strerror}): name another file") from None

    def note(self, model: Model, images: np.ndarray, probabilities: np.ndarray) -> None:
        """Note the first of these images, as many as there may be now; a full disk costs notes, and no answer."""
        now = time.monotonic()
        self._allowed = min(A_SECOND, self._allowed + (now - self._since) * A_SECOND)
        self._since, count = now, min(len(images), int(self._allowed))
        if count:
            self._allowed -= count
            observed = observations.observe(images[:count], probabilities[:count])
            try:
                self._write(observations.lines(observed, model.about["fingerprint"]))
            except OSError as error:
                log(error=f"--observe {self._path} cannot be written: {error.strerror}")

    def _write(self, lines: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(lines)
            full = file.tell() >= LONGEST
        if full:
            self._path.replace(f"{self._path}.1")
