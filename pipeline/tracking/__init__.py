"""What a training did, for MLflow to show. Only records: nothing here decides a byte of what a stage writes.

- `fingerprints.py`: one name for a training, from its params and the MD5s of what it depends on
- `lock.py`: the one reader of `dvc.lock`
- `stale.py`: what has changed since DVC ran a stage: the one place that says whether it is fresh
- `git.py`: asks git
- `paths.py`: where the stages of `dvc.yaml` put what commands look at
- `description.py`: what a run is called and carries: name, params, tags
- `journals.py`: what each training did, on disk until MLflow has all of it; how far it is
- `location.py`: where MLflow is, known without importing it
- `server.py`: a client of MLflow, and its experiments
- `upload.py`: one journal into its run in MLflow
- `sending.py`: sends journals to MLflow
"""
