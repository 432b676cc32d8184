"""TensorFlow without the lines that its C++ code prints before any setting can silence it."""

import os

from pipeline.base import processor
from pipeline.base.quiet import stderr_held_back


def import_tensorflow() -> None:
    """Import TensorFlow, with oneDNN, and let it look for devices; what it prints is shown only if that fails."""
    os.environ[processor.ONEDNN] = processor.onednn()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with stderr_held_back():
        import tensorflow as tf

        tf.config.list_physical_devices()
