"""Accuracy on spoilt images.

- `corruptions.py`: images spoilt in several ways and strengths, and the accuracy that is left
- `figure.py`: how models bear them
"""

NEEDS = ()
