"""From files to labelled images, a module for each format: strict, and safe with bytes from anywhere.

- `idx.py`: IDX, the format of MNIST's files
- `digits.py`: scikit-learn's bundled digits
- `npz.py`: one's own `.npz` of images and labels
- `image_folder.py`: one's own pictures, a folder for each class
- `reading.py`: what all of them share: what they return, one error for whatever is damaged, limits
"""
