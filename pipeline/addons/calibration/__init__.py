"""Calibration: whether a network's probabilities are as high as it is often right.

- `evaluator.py`: reliability, the expected calibration error, accuracy by coverage, of one training
- `section.py`: the report's section, with its pictures
"""

NEEDS = ()
