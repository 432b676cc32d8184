"""What tests hold every decoder to."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import strategies as st

from pipeline.base.errors import InputError
from pipeline.data.arrays import Labelled


def refused(decode: Callable[[], object], expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        decode()
    assert len(str(caught.value).splitlines()) == 1


def has_types(images: np.ndarray, labels: np.ndarray) -> bool:
    return bool(images.dtype == np.uint8 and labels.dtype == np.int64)


def refused_or_decoded(decode: Callable[[], dict[str, Labelled]]) -> None:
    """Hold a decoder to its promise for damaged bytes: one line, or well-formed arrays, and no warning."""
    try:
        decoded = decode()
    except InputError as error:
        decoded = {}
        lines = str(error).splitlines()
    else:
        lines = ["decoded"]
    assert len(lines) == 1
    for images, labels in decoded.values():
        assert has_types(images, labels)
        assert images.ndim == 4
        assert labels.shape == (len(images),)


def damage(content: bytes, data: st.DataObject) -> bytes:
    """Cut `content` short or change some of its bytes, as often near its beginning as anywhere."""
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        end = data.draw(st.sampled_from([min(400, len(damaged)), len(damaged)]))
        damaged[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    return bytes(damaged[: data.draw(st.sampled_from([len(damaged), data.draw(st.integers(0, len(damaged)))]))])
