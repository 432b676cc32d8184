"""Labels that are likely wrong, found by cleanlab."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def table(labels: np.ndarray, trainings: Sequence[np.ndarray], class_names: Sequence[str]) -> pd.DataFrame:
    """Rank the images whose label is likely wrong, the likeliest first, equal ones by number.

    Labels are integers of (n,); `trainings` holds the probabilities, (n, classes), of one or more trainings that have
    not seen these images; their mean counts. Listed is what confident learning puts into another class than its label
    (Northcutt, Jiang & Chuang 2021): images whose probability of that class reaches the mean over the images labelled
    so. Columns: `image`, `label`, `suggested`, the most probable class, and cleanlab's `quality` of the label, from 0
    to 1: half of 1 plus the label's probability less the greatest other.
    """
    mean, names = np.mean(trainings, axis=0, dtype=float), np.array(class_names)
    found, quality = _by_cleanlab(labels, mean)
    columns = {"image": found, "label": names[labels[found]], "suggested": names[mean[found].argmax(axis=1)]}
    return pd.DataFrame(columns | {"quality": quality}).sort_values("quality", kind="stable", ignore_index=True)


def _by_cleanlab(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the images that cleanlab lists, ascending, and the qualities of their labels."""
    if len(np.unique(labels)) < 2:  # nothing to compare, which cleanlab refuses
        return np.arange(0), np.zeros(0)
    from cleanlab.filter import find_label_issues  # here: half a second to import
    from cleanlab.rank import get_label_quality_scores

    # Its other filters sort, and NumPy's quick sort orders equal values by what the processor can do.
    found = np.flatnonzero(find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1))
    return found, get_label_quality_scores(labels, probabilities, method="normalized_margin")[found]
