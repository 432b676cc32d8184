"""Mistakes: which test images each network gets wrong, or nearly.

- `ranking.py`: ranks the images
- `evaluator.py`: draws the mistakes of one training
- `figure.py`: a picture of them
- `section.py`: the report's section, with all lists
"""

NEEDS = ()
