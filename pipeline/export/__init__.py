"""Networks as files for other runtimes, the same bytes each time, and what each such file is worth.

- `frozen.py`: a network as one function of TensorFlow, its weights inside
- `litert.py`: LiteRT, in float32 and in 8-bit integers
- `onnx.py`: ONNX
- `openvino.py`: OpenVINO
- `saved_model.py`: TensorFlow's SavedModel, and running it
- `formats.py`: the formats by name
- `scoring.py`: what an exported network is worth
- `table.py`: the same as a table in Markdown
"""

import pipeline.network  # TensorFlow comes with it, quietly
import pipeline.runtimes  # noqa: F401  # and OpenVINO without telemetry
