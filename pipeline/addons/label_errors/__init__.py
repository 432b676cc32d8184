"""Labels that are likely wrong, by cleanlab.

- `finding.py`: finds them in probabilities of networks that have not seen the images
- `stage.py`: the stage `cross_validate`, which trains such networks for the training part
"""

NEEDS = ()
