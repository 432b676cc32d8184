"""Mistakes: which test images each network gets wrong, or nearly.

- `ranking.py`: ranks the images
- `evaluator.py`: draws the mistakes of one training
- `section.py`: the report's section, with all lists
"""

NEEDS = ("galleries",)  # another add-on
