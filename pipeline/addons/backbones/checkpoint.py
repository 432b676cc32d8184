"""The weights in a file of PyTorch's first format, read without PyTorch, and without running what the file says."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}
HEADERS = 3  # pickles before that of the tensors: a magic number, the format's version, the machine that wrote it


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays by name, in the order of the file; raise `pickle.UnpicklingError` for any other content.

    The file is some pickles, of which one holds the tensors and the last the order of their storages, then each
    storage's values after their number, as `torch.save` wrote it until PyTorch 1.5.
    """
    with path.open("rb") as file:
        for _ in range(HEADERS):
            _Unpickler(file).load()
        unpickler = _Unpickler(file)
        tensors = unpickler.load()
        storages = {key: _storage(file, unpickler.dtypes[key]) for key in _Unpickler(file).load()}
    return {name: _array(storages[key], *place) for name, (key, *place) in tensors.items()}


class _Unpickler(pickle.Unpickler):
    """Make nothing but an ordered mapping of tensors."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.dtypes: dict[str, Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda key, start, shape, strides, *_: (key, start, shape, strides)
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a tensor")

    def persistent_load(self, saved: tuple[Any, ...]) -> str:
        _, dtype, key, *_ = saved
        self.dtypes[key] = dtype
        return str(key)


def _storage(file: BinaryIO, dtype: Any) -> np.ndarray:
    (count,) = np.frombuffer(file.read(8), np.int64)
    return np.frombuffer(file.read(count * np.dtype(dtype).itemsize), dtype)


def _array(storage: np.ndarray, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    last = start + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if not 0 <= last < len(storage):
        raise pickle.UnpicklingError(f"a tensor ends at value {last} of {len(storage)}")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[start:], shape, steps, writeable=False)
