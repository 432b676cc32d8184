"""Train the model `vgg` of recipes/demo.yaml in plain Keras: `python examples/plain_keras.py`, half a minute.

It imports nothing from `pipeline`, to show what the pipeline does: comments name the pipeline's file for each step.
What the pipeline adds: the numbers stand in params.yaml, where they are checked; a step runs again only if what it
depends on has changed, and gives the same bytes; each training is a run in MLflow.
"""

from typing import Any

import keras
import numpy as np
from keras import layers
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED, EPOCHS, BATCH_SIZE, LEARNING_RATE = 42, 5, 32, 0.002


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's 8 × 8 digits as images of 28 × 28 pixels of 8 bits, and their labels."""
    # Stage fetch: pipeline/data/decoders/digits.py; other datasets are in pipeline/data/datasets.py.
    digits: Any = load_digits()
    small = np.round(digits.images * (255 / 16)).astype("uint8")
    large = [np.asarray(Image.fromarray(image).resize((28, 28), Image.Resampling.BICUBIC)) for image in small]
    return np.stack(large)[..., np.newaxis], digits.target


def split(images: np.ndarray, labels: np.ndarray, fraction: float) -> Any:
    """Hold out a fraction of each class; return images kept and held out, then labels kept and held out."""
    # Stage prepare: pipeline/data/splits.py; the fractions are prepare.test_fraction and prepare.validation_fraction.
    return train_test_split(images, labels, test_size=fraction, stratify=labels, random_state=SEED)


def build() -> keras.Model:
    """Build the network."""
    # Stage train: pipeline/network/building.py makes it from `blocks` and `dense` of an entry of `models`.
    network = [keras.Input((28, 28, 1)), layers.Rescaling(1 / 255)]  # prepare.scaling: unit; part of the saved model
    # blocks: {filters: [8, 16], padding: same, dropout: 0.2}
    network += [layers.Conv2D(8, 3, padding="same", activation="relu")]
    network += [layers.Conv2D(16, 3, padding="same", activation="relu")]
    network += [layers.MaxPooling2D(), layers.Dropout(0.2)]
    # blocks: {filters: [32, 64], padding: [same, valid], dropout: 0.2}
    network += [layers.Conv2D(32, 3, padding="same", activation="relu")]
    network += [layers.Conv2D(64, 3, padding="valid", activation="relu")]
    network += [layers.MaxPooling2D(), layers.Dropout(0.2), layers.Flatten()]
    # dense: {units: 128, dropout: 0.2}, then {units: 64, dropout: 0.2}
    network += [layers.Dense(128, activation="relu"), layers.Dropout(0.2)]
    network += [layers.Dense(64, activation="relu"), layers.Dropout(0.2)]
    return keras.Sequential([*network, layers.Dense(10, activation="softmax")])


def one_cycle(batches: int) -> Any:
    """Raise the learning rate in the first 30 % of all batches, and lower it in the others."""
    # Stage train: pipeline/network/optimizers.py, for `schedule: {name: one_cycle, warmup_fraction: 0.3}`.
    up, options = round(0.3 * batches), {"alpha": 0.0001, "warmup_target": LEARNING_RATE}
    return keras.optimizers.schedules.CosineDecay(0.04 * LEARNING_RATE, batches - up, warmup_steps=up, **options)


def main() -> None:
    """Train, and print the accuracy on the test images."""
    images, test_images, labels, test_labels = split(*read_digits(), 0.2)
    images, validation_images, labels, validation_labels = split(images, labels, 0.25)

    # Stage train: pipeline/network/training.py, which keeps each epoch's state, so that a killed training goes on.
    keras.utils.set_random_seed(SEED)
    model = build()
    adam = keras.optimizers.Adam(one_cycle(EPOCHS * -(-len(images) // BATCH_SIZE)))
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    validation = (validation_images, validation_labels)
    model.fit(images, labels, BATCH_SIZE, EPOCHS, validation_data=validation, verbose=2)

    # Stage evaluate: pipeline/evaluation/metrics.py; then stage report compares all models. There is nothing here of
    # stage export (files for phones) and stage duplicates (images twice).
    _, accuracy = model.evaluate(test_images, test_labels, verbose=0)
    print(f"test accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    main()
