"""From a dataset's name to 8-bit images with labels, in three parts.

- `datasets.py`: what each dataset is: files, checksums, publishers; a new one is one entry
- `download.py`: finds a file in mirrors or at its publishers, and takes it only with its checksum
- `decoders/`: a module for each format: IDX, `.npz`, folders of pictures
- `choosing.py`: which rows of an array stand for all
- `pictures.py`: PNG and JPEG files as a network's input
- `arrays.py`: splits in files, mapped: the only place that knows how raw and prepared images lie on disk
- `splits.py`: which images are held out; the constants of the scaling
"""
