"""Networks as files for other runtimes, the same bytes each time, and what each such file is worth.

- `frozen.py`: a network as one function of TensorFlow, its weights inside
- `litert.py`: LiteRT, in float32 and in 8-bit integers
- `onnx.py`: ONNX
- `openvino.py`: OpenVINO
- `saved_model.py`: TensorFlow's SavedModel, and running it
- `formats.py`: the formats by name
- `scoring.py`: what an exported network is worth
- `table.py`: the same as a table in Markdown
- `figure.py`: the same as a picture
- `settings.py`: the section `export` of params.yaml
- `stage.py`: the stage `export`
"""

import pipeline.addons.runtimes  # and OpenVINO without telemetry
import pipeline.network  # noqa: F401  # TensorFlow comes with it, quietly

NEEDS = ("runtimes",)  # other add-ons
