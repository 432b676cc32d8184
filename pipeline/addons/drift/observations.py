"""What is noted of a picture and of its answer: a few numbers, never the picture."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from pipeline.base.errors import InputError, short

Observed = dict[str, np.ndarray]  # float64 of (n,) for each of PIXELS, and `probabilities` of (n, classes)
PIXELS = ("brightness", "contrast", "background", "detail")
PAUSE = 0.1  # seconds from note to note: a log does not grow with the load
LONGEST = 2**24  # bytes of a log, some 60,000 pictures; as many are kept beside it, in FILE.1


class Observer:
    """The log of a service."""

    def __init__(self, path: Path) -> None:
        """Go on with the log, or begin it; raise `InputError` if it cannot be written."""
        self._path, self._next = path, 0.0
        try:
            self._write("")
        except OSError as error:
            raise InputError(f"--observe {path} cannot be written ({error.strerror}): name another file") from None

    def note(self, images: np.ndarray, probabilities: np.ndarray, fingerprint: str) -> None:
        """Note the first of these images, unless one was noted just now; a full disk costs notes, and no answer."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PAUSE
        try:
            self._write(line(images[:1], probabilities[:1], fingerprint))
        except OSError as error:
            print(f"warning: --observe {self._path} cannot be written: {error.strerror}", file=sys.stderr, flush=True)

    def _write(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)
            full = file.tell() >= LONGEST
        if full:
            self._path.replace(f"{self._path}.1")


def observe(images: np.ndarray, probabilities: np.ndarray) -> Observed:
    """Sum up uint8 images of (n, height, width, channels) and their probabilities of (n, classes).

    All are grey levels from 0 to 255: `brightness` is the mean of an image's pixels, `contrast` their standard
    deviation, `background` the mean of its four sides, `detail` the mean difference of neighbours in a row.
    """
    grey = images.mean(axis=3, dtype=np.float32)
    sides = (grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1])
    pixels = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": grey.std(axis=(1, 2)),
        "background": np.concatenate(sides, axis=1).mean(axis=1),
        "detail": np.abs(np.diff(grey, axis=2)).sum(axis=(1, 2)) / max(1, grey[0, :, 1:].size),
    }
    return {name: values.astype(np.float64) for name, values in pixels.items()} | {"probabilities": probabilities}


def line(image: np.ndarray, probabilities: np.ndarray, fingerprint: str) -> str:
    """Write what is noted of one image, uint8 of (1, height, width, channels), with its training's fingerprint."""
    observed = observe(image, probabilities)
    numbers = {name: round(float(observed[name][0]), 2) for name in PIXELS}
    answer = [round(probability, 4) for probability in probabilities[0].tolist()]
    entry = {"fingerprint": fingerprint, **numbers, "probabilities": answer}
    return json.dumps(entry, separators=(",", ":")) + "\n"


def read(path: Path, classes: int) -> tuple[str, Observed]:
    """Return the fingerprint of the model that answered last, and what was noted while it did.

    A last line that is not whole yet is left out. Raise `InputError` for a file that is no log of so many classes.
    """
    try:
        text = path.read_text("utf-8")
        entries = [json.loads(entry) for entry in text[: text.rfind("\n") + 1].splitlines()]
        fingerprint = entries[-1]["fingerprint"]
        of_last = [entry for entry in entries if entry["fingerprint"] == fingerprint]
        observed = {name: np.array([entry[name] for entry in of_last], np.float64) for name in PIXELS}
        probabilities = np.array([entry["probabilities"] for entry in of_last], np.float64)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        reason = short(str(error))
        raise InputError(f"{path} is no log of `serve --observe`, or holds no picture yet ({reason})") from None
    if probabilities.shape[1:] != (classes,):
        found = probabilities.shape[-1]
        raise InputError(f"{path} has {found} probabilities a picture, not {classes}: it is another dataset's log")
    return fingerprint, observed | {"probabilities": probabilities}
