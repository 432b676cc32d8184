"""What `dvc.yaml` runs, a file for each stage: read, call the rooms, write.

- `fetch.py`: finds a dataset's files, verifies and decodes them
- `prepare.py`: splits off validation, fits the scaling, shows samples
- `train.py`: trains one model
- `evaluate.py`: scores one model, and draws it and what it does
- `report.py`: compares all models
"""
