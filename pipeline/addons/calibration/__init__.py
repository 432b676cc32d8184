"""Calibration: whether a network's probabilities are as high as it is often right.

- `measuring.py`: reliability, the expected calibration error with its interval, accuracy by coverage
- `evaluator.py`: all of it, of one training
- `figure.py`: pictures
- `section.py`: the report's section
"""

NEEDS = ()
