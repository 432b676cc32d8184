"""Networks as files for other runtimes, the same bytes each time, and what each such file is worth.

- `conversion/`: writes the files
- `scoring.py`: what an exported network is worth
- `table.py`: the same as a table in Markdown
- `figure.py`: the same as a picture
- `settings.py`: the section `export` of params.yaml
- `checks.py`: what the gate can ask of it
- `run.py`: what a run in MLflow gets of it
- `stage.py`: the stage `export`
"""

NEEDS = ("runtimes",)  # other add-ons
