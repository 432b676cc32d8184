"""What a network has learnt: what its blocks make of an image, and where it looks.

- `maps.py`: each block's maps, and which part of an image speaks for a class
- `figure.py`: draws them
- `evaluator.py`: all of it, of a trained model
"""

NEEDS = ()
