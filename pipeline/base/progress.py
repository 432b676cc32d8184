"""What a person sees of a training: how far it is."""

import sys
from collections.abc import Mapping

from tqdm import tqdm


class Progress:
    """Prints a line an epoch; on a terminal also a bar, with the time that is left."""

    def __init__(self, epochs: int, done: int = 0, steps: int = 1, at_most: bool = False) -> None:
        """Begin after the `done` first of `epochs` of so many `steps` each; `at_most` where fewer may be enough."""
        self.steps, self.epochs = steps, f"at most {epochs}" if at_most else str(epochs)
        self.bar = tqdm(
            total=epochs * steps, initial=done * steps, unit="step", leave=False, disable=None, file=sys.stdout
        )

    def step(self, accuracy: float) -> None:
        """Count a step, after which the epoch's accuracy so far is `accuracy`."""
        self.bar.set_postfix_str(f"train accuracy {accuracy:.4f}", refresh=False)
        self.bar.update()

    def epoch(self, row: Mapping[str, float]) -> None:
        """Tell of an epoch that has ended, by its row of the history."""
        epoch, split = int(row["epoch"]), "validation" if "validation_accuracy" in row else "train"
        self.bar.update(epoch * self.steps - self.bar.n)
        self.bar.clear()  # the next step draws it again, if there is one
        print(f"epoch {epoch} of {self.epochs}, {split} accuracy {row[f'{split}_accuracy']:.4f}", flush=True)
