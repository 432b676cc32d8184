"""What a network has learnt: its filters, what they answer, where it looks.

- `maps.py`: the kernels of the first convolution, each block's maps, and which part of an image speaks for a class
- `figure.py`: draws them
- `evaluator.py`: all of it, of a trained model
"""

NEEDS = ()
