"""A network as a LiteRT file: loaded in a third of a second, a picture in a fraction of a millisecond."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from pipeline.base.errors import InputError
from pipeline.base.quiet import stderr_held_back


class Network:
    """A network that was read from a `.tflite` file. One thread at a time may use it."""

    def __init__(self, content: bytes, threads: int = 1) -> None:
        """Load a file's `content`; raise `InputError` if it is not whole."""
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            (self._input,) = self._interpreter.get_input_details()
            (self._output,) = self._interpreter.get_output_details()
            _, height, width, channels = self._input["shape"].tolist()
        except (ValueError, RuntimeError) as error:
            raise _broken(error) from None
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self.classes = int(self._output["shape"][-1])
        self._batch = 0

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels)."""
        if len(images) != self._batch:
            self._allocate(images.shape)
        self._interpreter.set_tensor(self._input["index"], images.astype(self._input["dtype"], copy=False))
        self._interpreter.invoke()
        probabilities: np.ndarray = self._interpreter.get_tensor(self._output["index"])
        return probabilities

    def _allocate(self, shape: tuple[int, ...]) -> None:
        try:
            self._interpreter.resize_tensor_input(self._input["index"], shape)
            with stderr_held_back():  # which computes it, and says so the first time
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise _broken(error) from None
        self._batch = shape[0]


def _broken(error: Exception) -> InputError:
    return InputError(f"not a whole LiteRT file ({str(error).splitlines()[0]}): export it again")
