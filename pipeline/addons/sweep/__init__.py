"""Many trainings of one model, each with other values from a search space, and which of them is best.

- `command.py`: asks for trials, has them trained, tells Optuna what came of them, reports
- `definition.py`: what a file of `sweeps/` may hold
- `plan.py`: a sweep's file with params.yaml and the images, checked before anything runs
- `trials.py`: Optuna: the trials on disk, which to try next, whether to go on with one, which is best
- `train.py`: trains a trial, or several at once by Ray
- `report.py`: a line a trial, the table
- `applying.py`: writes a trial as a model into `params.yaml`
"""

NEEDS = ("ray",)  # other add-ons
INSTALLED_BY = "make sweep"  # the packages that it alone needs
