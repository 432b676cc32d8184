"""Images as points in the plane: those near each other are alike to the network's last hidden layer."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pipeline.addons.explanation import probing

if TYPE_CHECKING:
    import keras

SEED = 0
STEPS = 500  # half of scikit-learn's: of 1,500 images, as trustworthy a map in half the time
DECIMALS = 3
FEWEST = 4  # images that have neighbours to lie among


def embed(model: "keras.Model", images: np.ndarray, numbers: np.ndarray) -> pd.DataFrame:
    """Tabulate the places of uint8 images of (n, height, width, channels): `image`, its number, `x` and `y`, 0 to 1.

    t-SNE (van der Maaten & Hinton 2008) from the principal components, on one thread: its sums over several are added
    in the order of their arrival.
    """
    from sklearn.manifold import TSNE  # here: it takes a while to import

    hidden = probing.output_of(model, model.get_layer("logits").input, images).reshape(len(images), -1)
    if len(images) < FEWEST or np.ptp(hidden, axis=0).max() == 0:
        places = np.zeros((len(images), 2))
    else:
        perplexity = min(30.0, (len(images) - 1) / 3)
        with threadpool_limits(1):
            tsne = TSNE(2, perplexity=perplexity, init="pca", max_iter=STEPS, random_state=SEED, n_jobs=1)
            places = tsne.fit_transform(hidden)
    low, span = places.min(axis=0), np.maximum(np.ptp(places, axis=0), 1e-12)
    x, y = np.round((places - low) / span, DECIMALS).T.astype(float)
    return pd.DataFrame({"image": numbers, "x": x, "y": y})
