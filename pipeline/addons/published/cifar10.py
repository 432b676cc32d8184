"""CIFAR-10's archive: a gzipped tar of pickles, of which no code is run."""

import pickle
import tarfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from pipeline.data.arrays import Labelled
from pipeline.data.decoders.reading import Splits, labelled, reading

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
PICKLED_GLOBALS = ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")


def decode(paths: list[Path]) -> Splits:
    """Decode cifar-10-python.tar.gz, the one path, into `train` (its five batches, in order) and `test`.

    Images are uint8 of (n, 32, 32, 3), labels int64 of (n,), 0 to 9 in the order of `CLASS_NAMES`. The content is
    not looked at again: `fetch` decodes only what has the published checksums. Even so, a pickle can call nothing.
    """
    (path,) = paths
    names = [f"{FOLDER}/{name}" for name in BATCHES]
    found: dict[str, Labelled] = {}
    with reading(path, "archive of CIFAR-10"), tarfile.open(path, "r:gz") as archive:
        for member in archive:  # in the archive's order, or each would unpack it from its beginning
            if member.name in names and (pickled := archive.extractfile(member)):
                found[member.name] = _batch(pickled, path)
        *train, test = (found[name] for name in names)
    images, labels = zip(*train, strict=True)
    return {"train": (np.concatenate(images), np.concatenate(labels)), "test": test}


def _batch(pickled: IO[bytes], path: Path) -> Labelled:
    batch = _Unpickler(pickled, encoding="bytes").load()
    images = batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # all of red, of green, of blue: by pixel
    return labelled(np.ascontiguousarray(images), np.array(batch[b"labels"]), str(path))


class _Unpickler(pickle.Unpickler):
    """Reads arrays and plain values, and refuses to call anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in PICKLED_GLOBALS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")
        return super().find_class(module, name)
