"""A network as an ONNX file, run by ONNX Runtime."""

import numpy as np
import onnxruntime

from pipeline.base.errors import InputError


class Network:
    """A network that was read from an `.onnx` file."""

    def __init__(self, content: bytes, threads: int = 1) -> None:
        """Load a file's `content`; raise `InputError` if it is not whole."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3  # errors alone
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its kinds are of the extension alone
            raise InputError(f"not a whole ONNX file ({str(error).splitlines()[0]}): export it again") from None
        (self._input,), (output,) = self._session.get_inputs(), self._session.get_outputs()
        _, height, width, channels = self._input.shape
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self.classes = int(output.shape[-1])

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels)."""
        probabilities: np.ndarray = self._session.run(None, {self._input.name: images})[0]
        return probabilities
