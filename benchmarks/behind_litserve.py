"""What LitServe gives its worker: LiteRT, requests of one image batched."""

from pathlib import Path
from typing import Any

import litserve
import numpy as np

from benchmarks import served


class Api(litserve.LitAPI):  # type: ignore[misc]
    """Tells what images show."""

    def __init__(self, folder: Path) -> None:
        super().__init__(max_batch_size=served.TOGETHER, batch_timeout=0.001, api_path="/invocations")
        self.folder = folder

    def setup(self, device: str) -> None:
        """Load the network in the worker."""
        self.network = served.load(self.folder)

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # which LitServe would take for its own
        """Return the images of a request."""
        return np.asarray(request["inputs"], np.uint8)

    def batch(self, inputs: list[Any]) -> Any:
        """Put those of several requests together."""
        self.counts = [len(images) for images in inputs]
        return np.concatenate(inputs)

    def predict(self, images: Any) -> Any:
        """Return the probabilities."""
        return self.network(images)

    def unbatch(self, output: Any) -> list[Any]:
        """Part them again."""
        return list(np.split(output, np.cumsum(self.counts)[:-1]))

    def encode_response(self, output: Any) -> Any:
        """Return what becomes the answer's JSON."""
        return {"predictions": output.tolist()}
