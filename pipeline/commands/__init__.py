"""The core's commands, each a file: `python -m pipeline NAME`.

- `params.py`: checks `params.yaml`
- `gate.py`: holds metrics to the limits of `params.yaml`
- `ui.py`: serves MLflow's pages
- `tracking.py`: brings MLflow's runs and the bytes on disk together
"""
