"""Many trainings of one model, each with other values from a search space, and which of them is best.

- `definition.py`: what a file of `sweeps/` may hold
- `space.py`: models from a search space, all of which must fit the images
- `plan.py`: a sweep's file with params.yaml and the images, checked before anything runs
- `trials.py`: Optuna: the trials on disk, which to try next, whether to go on with one, which is best
- `training.py`: trains one trial
- `driver.py`: asks, has trained, here or by Ray, and keeps, until all trials are done
- `report.py`: a line a trial, the table, the page
- `figure.py`: a picture for each objective
- `applying.py`: writes a trial as a model into `params.yaml`
- `command.py`: runs a sweep
"""

NEEDS = ("ray",)  # other add-ons
INSTALLED_BY = "make sweep"  # the packages that it alone needs
