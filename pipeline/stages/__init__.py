"""What `dvc.yaml` runs, a file for each stage: read, call the rooms, write.

- `fetch.py`: finds a dataset's files, verifies and decodes them
- `prepare.py`: splits off validation, fits the scaling, shows samples
- `duplicates.py`: finds images that are there twice
- `train.py`: trains one model
- `cross_validate.py`: trains a model without a fifth of its images, and predicts these
- `evaluate.py`: scores one model, and draws it and what it does
- `export.py`: writes one model for other runtimes, and scores each file
- `report.py`: compares all models
"""
