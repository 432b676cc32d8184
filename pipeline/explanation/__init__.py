"""What a network has learnt: its filters, what they answer, where it looks, which images are alike to it.

- `filters.py`: the kernels of the first convolution
- `features.py`: the maps that each block makes of an image
- `gradcam.py`: which part of an image speaks for a class
- `embedding.py`: the images as points, alike ones near each other
"""
