"""Labels that are likely wrong, by cleanlab.

- `finding.py`: finds them in probabilities of networks that have not learnt from the images
- `section.py`: the report's section
"""

NEEDS = ("galleries",)  # another add-on
