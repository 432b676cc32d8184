"""A file here is a command that a person types, `python -m pipeline.NAME`; a folder is one subject.

Imports go down this list, never up: `stages/` and the commands, `revisions/`, `champion/`, `runs/`,
`cluster/`, `serving/`, `runtimes/`, `export/`, `page/`, `evaluation/`, `explanation/`, `network/`, `data/`,
`config/`, `figures/`, `base/`. A folder's docstring says what its files hold.

- `params.py`: checks `params.yaml`
- `gate.py`: holds metrics to the limits of `params.yaml`
- `compare.py`: tells what has changed since another revision
- `predict.py`: tells what pictures show
- `registry.py`: promotes a model to champion, rolls back, shows, fetches it for serving
- `serve.py`: serves the champion
- `ui.py`: serves MLflow's pages
- `tracking.py`: brings MLflow's runs and the bytes on disk together
"""
