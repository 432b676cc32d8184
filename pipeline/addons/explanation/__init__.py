"""What a network has learnt: its filters, what they answer, where it looks, which images are alike to it.

- `probing.py`: what goes on inside a trained network
- `maps.py`: the kernels of the first convolution, each block's maps, and which part of an image speaks for a class
- `embedding.py`: the images as points, alike ones near each other
- `diagram.py`: a network, layer by layer
- `figure.py`: draws them
- `evaluator.py`: all of it, of a trained model
- `settings.py`: the section `explanation` of params.yaml
"""

NEEDS = ()
