"""What the services of `other_services` have in common: the network, by LiteRT."""

import os
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

TOGETHER = 64  # requests, where a server can compute several together


def load(folder: Path) -> Any:
    """Return a function from images to probabilities, by LiteRT with all processors."""
    interpreter = Interpreter(model_path=str(folder / "model.tflite"), num_threads=os.cpu_count())
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    size = [0]

    def predict(images: Any) -> Any:
        if size[0] != len(images):
            interpreter.resize_tensor_input(given["index"], images.shape)
            interpreter.allocate_tensors()
            size[0] = len(images)
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(made["index"])

    return predict
