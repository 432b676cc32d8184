"""A version that answers: its network, and what clients are told of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.addons.registry import folder
from pipeline.addons.runtimes.litert import Network
from pipeline.base import processor
from pipeline.base.errors import InputError

CHUNK = 16  # images at a time: more are no faster, and a network keeps buffers for as many as it once had


class Model:
    """A network and what is told of it. One thread at a time may let it predict."""

    def __init__(self, place: Path) -> None:
        """Load a version's folder; raise `InputError` for one that holds none, is damaged, or does not fit together."""
        content, about = folder.read(place)
        self.place, self.about = place, {key: about[key] for key in folder.TOLD}
        self.version, self.classes, self.description = str(about["version"]), about["classes"], about["description"]
        self._one, self._many = Network(content), Network(content, processor.threads())  # each keeps its size of input
        self.shape = self._one.image_shape  # (height, width, channels)
        if self._one.classes != len(self.classes):
            raise InputError(f"the network knows {self._one.classes} classes, not {len(self.classes)}: export it again")
        self.predict(np.zeros((CHUNK + 1, *self.shape), np.uint8))  # the first time takes longer

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels)."""
        chunks = len(images) // CHUNK * CHUNK
        parts = [self._many.predict(images[at : at + CHUNK]) for at in range(0, chunks, CHUNK)]
        parts += [self._one.predict(images[at : at + 1]) for at in range(chunks, len(images))]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def named(row: Sequence[float], classes: Sequence[str]) -> dict[str, Any]:
    """Return an image's class, its probability, and every class's by name, of its row of probabilities."""
    by_class = dict(zip(classes, row, strict=True))
    best = max(by_class, key=by_class.__getitem__)
    return {"class": best, "probability": by_class[best], "probabilities": by_class}
