"""A network as OpenVINO's files, run by OpenVINO."""

from pathlib import Path

import numpy as np
import openvino

from pipeline.base.errors import InputError


class Network:
    """A network that was read from an `.xml` file and the `.bin` beside it. One thread at a time may use it."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load the files; raise `InputError` if they are not whole.

        It computes in float32: on processors with bfloat16, OpenVINO would round to that unasked.
        """
        settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        try:
            model = openvino.Core().read_model(path)
            self._compiled = openvino.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise InputError(f"{path} is not a whole file of OpenVINO ({_reason(error)}): export it again") from None
        shape = model.input().partial_shape
        height, width, channels = (shape[axis].get_length() for axis in (1, 2, 3))
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self.classes = int(model.output().partial_shape[1].get_length())

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels)."""
        probabilities: np.ndarray = self._compiled(images)[0]
        return probabilities.copy()


def _reason(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
