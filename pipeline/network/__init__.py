"""Keras networks: built, trained, saved. Importing this folder imports TensorFlow, quietly.

- `building.py`: a network from its description in `params.yaml`, and the table of its layers
- `layers.py`: Keras's layers, computed faster
- `training.py`: batches, loss, epochs, predictions
- `optimizers.py`: optimizers and their learning rates; Muon for convolutions
- `augmentation.py`: random changes of training images
- `temperature.py`: probabilities as sure as they are right
- `saving.py`: a `.keras` file that is the same bytes each time
- `quiet.py`: TensorFlow without the lines that it prints, and without detours
"""

from pipeline.network.quiet import import_tensorflow

import_tensorflow()
