"""TensorFlow without the lines that its C++ code prints before any setting can silence it."""

import os
import sys

from pipeline.base import processor
from pipeline.base.quiet import stderr_held_back

# Keras imports these if it finds them, for features that nothing here uses: a third of TensorFlow's start.
OPTIONAL = ("matplotlib", "matplotlib.pyplot", "pandas", "sklearn")


def import_tensorflow() -> None:
    """Import TensorFlow, with oneDNN, and let it look for devices; what it prints is shown only if that fails."""
    os.environ[processor.ONEDNN] = processor.onednn()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None stands for not found
    with stderr_held_back():
        import tensorflow as tf

        tf.config.list_physical_devices()
    for name in hidden:
        del sys.modules[name]
