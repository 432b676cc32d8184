"""Accuracy on corrupted images.

- `corruptions.py`: images corrupted in several ways and strengths, and the accuracy that is left
- `evaluator.py`: scores a network on them
- `section.py`: the report's section, with its pictures
- `settings.py`: the section `robustness` of params.yaml
"""

NEEDS = ("galleries",)  # another add-on
