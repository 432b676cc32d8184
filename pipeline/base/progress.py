"""What a person sees of a training: how far it is, and how long it still takes."""

import math
import sys
import time
from collections.abc import Mapping

PAUSE, BLINK = 10.0, 0.5  # seconds until a log has a line, and from change to change of a terminal's line
ERASE = "\r\033[K"  # a terminal's line


class Progress:
    """Prints a line an epoch; within an epoch, one that changes on a terminal, or a single first one in a log.

    What is left goes by the steps of this process, but for the first, in which TensorFlow builds its graph.
    """

    def __init__(self, epochs: int, done: int = 0, steps: int = 1, at_most: bool = False) -> None:
        """Begin after the `done` first of `epochs` of so many `steps` each; `at_most` where fewer may be enough."""
        self.epochs, self.steps, self.at_most = epochs, steps, at_most
        self.taken = done * steps
        self.untimed = self.taken + (steps > 1)
        self.terminal, self.began = sys.stdout.isatty(), time.monotonic()
        self.next = self.began + (BLINK if self.terminal else PAUSE)

    def step(self, accuracy: float) -> None:
        """Count a step, after which the epoch's accuracy so far is `accuracy`."""
        self.taken += 1
        now = time.monotonic()
        if self.taken <= self.untimed:
            self.began = now
        elif now >= self.next:
            self.next = now + BLINK if self.terminal else math.inf
            epoch, step = divmod(self.taken - 1, self.steps)
            told = f"{100 * (step + 1) / self.steps:.0f} %, train accuracy {accuracy:.4f}"
            self._print(epoch + 1, told, "" if self.terminal else "\n")

    def epoch(self, row: Mapping[str, float]) -> None:
        """Tell of an epoch that has ended, by its row of the history."""
        epoch, split = int(row["epoch"]), "validation" if "validation_accuracy" in row else "train"
        self.taken = epoch * self.steps
        self.next = self.next if self.terminal else math.inf
        self._print(epoch, f"{split} accuracy {row[f'{split}_accuracy']:.4f}", "\n")

    def _print(self, epoch: int, told: str, end: str) -> None:
        each = (time.monotonic() - self.began) / (self.taken - self.untimed)
        left = self.epochs * self.steps - self.taken
        ending = f", {'at most ' * self.at_most}{duration(left * each)} left" if left else ""
        print(f"{ERASE * self.terminal}epoch {epoch} of {self.epochs}, {told}{ending}", end=end, flush=True)


def duration(seconds: float) -> str:
    """Write seconds as a person says them, as in `1 min 40 s`."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole} s" if minutes else f"{whole} s"
