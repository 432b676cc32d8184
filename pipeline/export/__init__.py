"""Trained networks in the formats of runtimes that do without TensorFlow.

- `litert.py`: LiteRT, `.tflite`
"""
