"""Find a dataset's files, verify and decode them: `fetch RAW_FOLDER`."""

import os
from pathlib import Path

import numpy as np

from pipeline.base import errors, files
from pipeline.config import loading, network_fits
from pipeline.data import arrays, datasets


def main() -> None:
    """Write a folder of arrays for each published split, and dataset.json."""
    (raw,) = map(Path, errors.arguments("RAW_FOLDER"))
    params = loading.load()
    if shape := datasets.image_shape(params.fetch):
        network_fits.check_networks(params, shape)  # before anything is downloaded
    root = Path(os.environ.get("DVC_ROOT") or ".")
    mirrors = [*params.fetch.mirrors, *filter(None, [os.environ.get("DATASET_MIRROR")])]
    name = params.fetch.dataset_name
    found = datasets.read(params.fetch, root, mirrors)
    for line in found.noticed:
        print(line)
    network_fits.check_networks(params, found.splits["train"][0].shape[1:])
    for split, (images, labels) in found.splits.items():
        print(f"{name} {split}: {len(labels):,} images of {' × '.join(map(str, images.shape[1:]))}")
        arrays.write(raw / split, images, labels, np.array(found.names[split]) if found.names else None)
    files.write_json(raw / "dataset.json", {"name": name, "class_names": found.class_names})


if __name__ == "__main__":
    errors.run(main)
