"""A network as files of each format. Importing this folder imports TensorFlow, quietly.

- `frozen.py`: a network as one function of TensorFlow, its weights inside
- `litert.py`: LiteRT, in float32 and in 8-bit integers
- `onnx.py`: ONNX
- `openvino.py`: OpenVINO
- `saved_model.py`: TensorFlow's SavedModel, and running it
- `formats.py`: the formats by name
"""

import pipeline.addons.runtimes  # and OpenVINO without telemetry
import pipeline.network  # noqa: F401  # TensorFlow comes with it, quietly
