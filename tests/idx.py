"""IDX files for tests."""

import numpy as np


def as_idx(array: np.ndarray) -> bytes:
    """Write an array as its format's description says: two zeros, 8 for bytes, the axes, their sizes, the values."""
    return b"\x00\x00\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
