"""Networks as files for other runtimes, the same bytes each time, and what each such file is worth.

- `litert.py`: writes LiteRT files, in float32 and in 8-bit integers
- `onnx.py`: writes ONNX files
- `scoring.py`: what an exported network is worth, and that as a table
- `settings.py`: the section `export` of params.yaml
- `checks.py`: what the gate can ask of it
- `run.py`: what a run in MLflow gets of it
- `stage.py`: the stage `export`
"""

NEEDS = ("runtimes",)  # other add-ons
