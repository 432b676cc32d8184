"""Which model of a dataset is in use: one registered model in MLflow, its version in use by the alias `champion`.

- `candidate.py`: which model of `params.yaml` is the best of those that pass the gate
- `versions.py`: versions and aliases, as MLflow holds them
- `folder.py`: a version as a folder, to be served without mlflow and TensorFlow
- `model.py`: such a folder's network, which answers
- `promotion.py`: promote, roll back, show, load
- `command.py`: promotes a model to champion, rolls back, shows, fetches it for serving
"""

NEEDS = ("export", "runtimes")  # other add-ons
