"""Arrays and tables in, matplotlib's figures out; the caller saves them.

- `curves.py`: loss and accuracy over epochs
- `scores.py`: confusion matrices
- `gallery.py`: pictures of images: samples and augmentations
- `class_names.py`: class names that a figure can show
- `png.py`: figures as small PNG files
"""
