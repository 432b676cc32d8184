"""MNIST, CIFAR-10 and notMNIST, which the published systems of `recipes/published/` learn from.

- `datasets.py`: their files, checksums and publishers
- `cifar10.py`: decodes CIFAR-10's archive
- `notmnist.py`: decodes notMNIST's MATLAB file
"""

NEEDS = ()
