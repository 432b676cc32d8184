"""Accuracy on spoilt images.

- `corruptions.py`: images spoilt in several ways and strengths, and the accuracy that is left
- `checks.py`: what the gate can ask of it
- `figure.py`: how models bear them
"""

NEEDS = ()
