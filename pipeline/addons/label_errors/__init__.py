"""Labels that are likely wrong, by cleanlab.

- `finding.py`: finds them in probabilities of networks that have not seen the images
- `section.py`: the report's section
- `settings.py`: the section `label_errors` of params.yaml
- `stage.py`: the stage `cross_validate`, which trains such networks for the training part
"""

NEEDS = ()
