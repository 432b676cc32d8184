"""Exported networks, each run by a runtime of its own, without TensorFlow.

- `litert.py`: LiteRT, for `.tflite` files
- `onnx.py`: ONNX Runtime, for `.onnx` files
"""

NEEDS = ()
