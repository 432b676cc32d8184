"""Exported networks, each run by a runtime of its own, without TensorFlow.

- `litert.py`: LiteRT, for `.tflite` files
- `onnx.py`: ONNX Runtime, for `.onnx` files
- `openvino.py`: OpenVINO, for `.xml` files with a `.bin`
"""

import sys

# With this package, OpenVINO tells Google of each conversion, unasked, and waits for that.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None stands for not found

NEEDS = ()
