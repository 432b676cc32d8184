"""Train a model without a fifth of its images and predict these: `cross_validate STAGE PREPARED MADE`."""

from pathlib import Path

import numpy as np

from pipeline.addons.label_errors import settings
from pipeline.base import errors, files
from pipeline.config import loading, network_fits
from pipeline.data import arrays
from pipeline.data.arrays import Rows

SEED = 0  # of folds and networks


def main() -> None:
    """Write the numbers of the training images that were held out, and the network's probabilities for them."""
    stage, *folders = errors.arguments("STAGE PREPARED MADE")
    prepared, made = map(Path, folders)
    errors.end_with_parent()
    params = loading.load()
    name, _, fold = stage.rpartition("@")[2].rpartition("-")
    network = params.models[name]
    dataset = files.read_json(prepared / "dataset.json")
    network_fits.check_networks(params, dataset["image_shape"])
    from pipeline.network import training  # here, so that bad params are refused at once

    (images, labels), validation = arrays.read(prepared / "train", at_random=True), arrays.read(prepared / "validation")
    seen, held_out = divided(len(labels), int(fold))
    model = training.untrained(network, dataset, len(seen), SEED)
    train = Rows(images, seen), labels[seen]
    training.fit(model, train, validation, network.train, SEED, lambda row, state: None)
    probabilities = training.predict(model, Rows(images, held_out))
    files.write_arrays(made / name / f"{fold}.npz", {"images": held_out, "probabilities": probabilities})


def divided(images: int, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the images that a network learns from, and of those that a fold, from 0 to 4, holds out."""
    held_out = np.random.default_rng(SEED).permutation(images) % settings.FOLDS == fold
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


if __name__ == "__main__":
    errors.run(main)
