"""Temperature scaling (Guo, Pleiss, Sun & Weinberger 2017): probabilities that are as sure as they are right."""

import keras
import numpy as np
from scipy import optimize, special

from pipeline.data.arrays import LabelledRows
from pipeline.network import training

DECIMALS = 6  # a temperature of more digits would change with the order of sums
WIDEST = 3.0  # the greatest logarithm of a temperature that is tried; its negative is the least


def scaled(network: keras.Model, validation: LabelledRows) -> keras.Model:
    """Return the network with its logits divided by the temperature of the least cross-entropy on validation images.

    The division is a layer, `temperature`, before the probabilities, and so is saved and served with the network; the
    most probable class of no image changes.
    """
    images, labels = validation
    until_logits = keras.Model(network.input, network.get_layer("logits").output)
    temperature = fit(training.predict(until_logits, images), labels)
    outputs = keras.layers.Rescaling(1 / temperature, dtype="float32", name="temperature")(until_logits.output)
    outputs = keras.layers.Softmax(dtype="float32", name="probabilities")(outputs)
    return keras.Model(network.input, outputs, name=network.name)


def fit(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature, from 0.05 to 20, of the least mean cross-entropy; logits are of (n, classes)."""
    exact = logits.astype(np.float64)

    def loss(logarithm: float) -> float:
        cooled = exact / np.exp(logarithm)
        return float(np.mean(special.logsumexp(cooled, axis=1) - cooled[np.arange(len(labels)), labels]))

    found = optimize.minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded")
    best = float(found.x) if found.fun < loss(0.0) else 0.0  # 0 changes nothing
    return round(float(np.exp(best)), DECIMALS)
