"""Many trainings of one model, each with other values from a search space, and which of them is best.

- `definition.py`: what a file of `sweeps/` may hold
- `space.py`: models from a search space, all of which must fit the images
- `plan.py`: a sweep's file with params.yaml and the images, checked before anything runs
- `trials.py`: the trials of a sweep, on disk
- `sampling.py`: Optuna: which values to try next, whether to go on with a trial, what matters
- `training.py`: trains one trial
- `workers.py`: who trains the trials: this process, or Ray's
- `driver.py`: asks, starts, tells, until all trials are done
- `report.py`: tables and pictures
- `applying.py`: writes a trial as a model into `params.yaml`
- `figure.py`: pictures of trials
- `command.py`: runs a sweep
"""

NEEDS = ("ray",)  # other add-ons
