"""What `bentoml serve` loads: LiteRT, requests batched."""

import os
from pathlib import Path

import bentoml
import numpy as np

from benchmarks import served


@bentoml.service(traffic={"timeout": 60})
class Classifier:
    """Tells what images show."""

    def __init__(self) -> None:
        self.network = served.load(Path(os.environ["FOLDER"]))

    @bentoml.api(route="/invocations", batchable=True, max_batch_size=512, max_latency_ms=10_000)  # type: ignore[untyped-decorator]
    def classify(self, inputs: np.ndarray) -> np.ndarray:
        """Return the probabilities of images."""
        rows: np.ndarray = self.network(np.asarray(inputs, np.uint8))
        return rows
