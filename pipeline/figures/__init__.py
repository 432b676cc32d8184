"""Arrays and tables in, matplotlib's figures out; the caller saves them.

- `curves.py`: loss and accuracy over epochs
- `scores.py`: confusion matrices
- `gallery.py`: pictures of images: samples, augmentations, predictions
- `failures.py`: lists of images
- `sheets.py`: images in rows beneath their captions
- `class_names.py`: class names that a figure can show
- `png.py`: figures as small PNG files
"""
