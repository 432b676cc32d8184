"""A trained model by its name, as Keras's, or the champion, which as LiteRT answers far sooner."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.addons.registry import folder
from pipeline.addons.registry.model import Model
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.tracking import location, lock, paths


@dataclass(frozen=True)
class Trained:
    """A Keras model, which `load` returns; its classes and the (height, width, channels) of its images."""

    classes: list[str]
    shape: tuple[int, int, int]
    load: Callable[[], Any]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels)."""
        from pipeline.network import training  # here, so that bad input is refused at once

        return training.predict(self.load(), images)


def on_disk(name: str) -> Trained:
    """Find the `.keras` file of a model with its first seed, or of a training such as `vgg-43`, without TensorFlow.

    Raise `InputError` for an unknown or untrained one; to load it raises one for other images or classes than the
    dataset's.
    """
    training = loading.load().trainings_of(name)[0]
    file, dataset = paths.model(training), files.read_json(paths.DATASET)
    _require_whole(training, file)
    height, width, channels = dataset["image_shape"]
    shape, classes = (height, width, channels), dataset["class_names"]
    return Trained(classes, shape, partial(_loaded, file, shape, len(classes)))


def champion() -> Trained:
    """Load the registry's champion; raise `InputError` if there is none."""
    from pipeline.addons.registry import promotion  # here, since a model on disk needs no mlflow

    model, classes, _ = promotion.champion(loading.load().fetch.dataset_name)
    return Trained(classes, model.input_shape[1:], lambda: model)


def fetched_champion() -> Model | None:
    """Load the champion that `promote`, `rollback` or `fetch` brought here last, by LiteRT; None if none did.

    Raise `InputError` if its files are damaged.
    """
    place = folder.pointed(folder.root(location.repository(), loading.load().fetch.dataset_name))
    return Model(place) if place else None


def _loaded(file: Path, shape: tuple[int, int, int], classes: int) -> Any:
    from pipeline.network import saving

    model = saving.load(file)
    if (model.input_shape[1:], model.output_shape[-1]) != (shape, classes):
        takes = " × ".join(map(str, model.input_shape[1:]))
        found = f"{file} takes images of {takes} and knows {model.output_shape[-1]} classes"
        raise InputError(f"{found}, not as {paths.DATASET} has it: run `dvc repro` first")
    return model


def _require_whole(training: Training, file: Path) -> None:
    """Raise `InputError` if dvc.lock says that a model is of other bytes, or was trained on another dataset.json."""
    stage = lock.read().get(f"train@{training.name}")
    known = stage.deps | stage.outs if stage else {}
    if known.get(paths.DATASET.as_posix(), now := files.md5(paths.DATASET)) != now:
        raise InputError(f"{file} was trained on other data than {paths.DATASET} describes now: run `dvc repro` first")
    if known.get(file.as_posix(), now := files.md5(file)) != now:
        raise InputError(f"{file} is not the file that {lock.LOCK} tells of: `dvc checkout {file}` puts it back")
