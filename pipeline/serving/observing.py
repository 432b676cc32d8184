"""Notes what the service sees, a few numbers of a picture, for `python -m pipeline.drift`."""

import logging
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError
from pipeline.monitoring import observations
from pipeline.serving.model import Model

A_SECOND = 10  # pictures at most: enough to notice a change within seconds, and a log that does not grow with the load
LOG = 2**24  # bytes, some 60,000 pictures; as many are kept beside it, in FILE.1


class Observer:
    """A log of observations."""

    def __init__(self, path: Path) -> None:
        """Open the log, to go on with it; raise `InputError` if it cannot be written."""
        try:
            handler = RotatingFileHandler(path, maxBytes=LOG, backupCount=1, encoding="utf-8")
        except OSError as error:
            raise InputError(f"--observe {path} cannot be written ({error.strerror}): name another file") from None
        handler.terminator = ""
        self._handler, self._allowed, self._since = handler, float(A_SECOND), time.monotonic()

    def note(self, model: Model, images: np.ndarray, probabilities: np.ndarray) -> None:
        """Note the first of these images, as many as there may be now."""
        now = time.monotonic()
        self._allowed = min(A_SECOND, self._allowed + (now - self._since) * A_SECOND)
        self._since, count = now, min(len(images), int(self._allowed))
        if count:
            self._allowed -= count
            observed = observations.observe(images[:count], probabilities[:count])
            lines = observations.lines(observed, model.about["fingerprint"])
            self._handler.emit(logging.makeLogRecord({"msg": lines}))
