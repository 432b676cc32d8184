"""The core's commands, each a file: `python -m pipeline NAME`.

- `params.py`: checks `params.yaml`
- `gate.py`: holds metrics to the limits of `params.yaml`
- `sync.py`: makes MLflow's runs complete for what is on disk
"""
