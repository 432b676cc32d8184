"""How each model was made, as a table to stand beside what it scored."""

import pandas as pd

from pipeline.config.models import Train
from pipeline.config.schema import Params

UNAUGMENTED = "none"


def table(params: Params) -> pd.DataFrame:
    """Tabulate every model's network, epochs, batch size, optimizer, schedule and augmentation, in words."""
    return pd.DataFrame([_row(name, model.summary, model.train) for name, model in params.models.items()])


def _row(name: str, network: str, train: Train) -> dict[str, str]:
    optimizer = f"{train.optimizer.name}, learning rate {train.optimizer.learning_rate:g}"
    return {
        "model": name,
        "network": network,
        "epochs": f"{'at most ' if train.early_stopping else ''}{train.epochs}",
        "batch": str(train.batch_size),
        "optimizer": f"{optimizer}, {train.schedule.name.replace('_', ' ')}",
        "augmentation": _augmentation(train),
    }


def _augmentation(train: Train) -> str:
    """Name the changes that are switched on."""
    changes = train.augmentation.model_dump(exclude_defaults=True) if train.augmentation else {}
    return ", ".join(name.removesuffix("_range").replace("_", " ") for name in changes) or UNAUGMENTED
