"""Images that are there twice, in one split or in two.

- `finding.py`: finds them, exact ones and near ones
- `stage.py`: the stage `duplicates`
- `section.py`: the report's section, with a picture of them
"""

NEEDS = ("galleries",)  # another add-on
