"""What the services of `other_services` have in common: the network, by LiteRT."""

import os
from pathlib import Path
from typing import Any

from pipeline.addons.runtimes.litert import Network

TOGETHER = 64  # requests, where a server can compute several together


def load(folder: Path) -> Any:
    """Return a function from images to probabilities, by LiteRT with all processors."""
    return Network((folder / "model.tflite").read_bytes(), os.cpu_count() or 1).predict
