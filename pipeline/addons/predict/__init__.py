"""What pictures show, by a trained model.

- `trained.py`: a trained model by its name, or the champion, to predict with
- `command.py`: prints classes and probabilities
"""

NEEDS = ("registry",)  # another add-on
