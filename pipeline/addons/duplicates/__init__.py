"""Images that are there twice, in one split or in two.

- `finding.py`: finds them, exact ones and near ones
- `figure.py`: a picture of them
- `section.py`: the report's section
- `stage.py`: the stage `duplicates`
"""

NEEDS = ()
