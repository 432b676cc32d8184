"""What `dvc.yaml` runs, a file for each stage: read, call the other folders, write.

- `fetch.py`: finds a dataset's files, verifies and decodes them
- `prepare.py`: splits off validation, fits the scaling, shows samples
- `train.py`: trains one model
- `evaluate.py`: scores one training on the test split, and draws its figures
- `report.py`: compares all models
"""
