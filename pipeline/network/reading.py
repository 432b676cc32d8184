"""Batches for TensorFlow out of arrays that may be in files."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from pipeline.base.errors import InputError
from pipeline.base.rows import Array


def read(arrays: Sequence[Array], numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Read the rows of these numbers, int32 of (n,), from each array, as a step of a `tf.data.Dataset`."""

    def rows(numbers: np.ndarray) -> list[np.ndarray]:
        return [array[numbers] for array in arrays]

    dtypes = [array.dtype for array in arrays]
    found = tf.numpy_function(rows, [numbers], dtypes, stateful=False)  # stateful ones run one at a time
    return tuple(tf.ensure_shape(part, [None, *array.shape[1:]]) for part, array in zip(found, arrays, strict=True))


@contextmanager
def errors_as_they_were() -> Iterator[None]:
    """Raise the `InputError` that `read` met, of which TensorFlow makes an error of its own."""
    try:
        yield
    except tf.errors.OpError as error:
        if found := re.search(r"InputError: (.+)", error.message):
            raise InputError(found[1]) from None
        raise
