"""Arrays and tables in, matplotlib's figures out; the caller saves them.

- `curves.py`: loss and accuracy over epochs
- `scores.py`: how well a model does: accuracies, recall, confusion matrices
- `gallery.py`: pictures of images: samples, augmentations, predictions
- `failures.py`: lists of images that go wrong, and duplicates
- `calibration.py`: how far models can be trusted
- `robustness.py`: how models bear spoilt images
- `exports.py`: what exported networks are worth
- `sweeps.py`: how the trials of a sweep come out
- `explanation.py`: what a network has learnt
- `sheets.py`: images in rows with words beneath, which the two galleries are made of
- `diagram.py`: a network, layer by layer
- `class_names.py`: class names that a figure can show
- `png.py`: figures as small PNG files
"""
