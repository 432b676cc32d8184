"""A trained model by its name, as Keras's, or the champion, which as LiteRT answers far sooner."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.addons.registry import folder
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.tracking import location, lock, paths

BATCH = 100  # images that LiteRT gets at a time: it keeps buffers for as many


@dataclass(frozen=True)
class Trained:
    """A model of Keras, its file, or a network of LiteRT; its classes, (height, width, channels)."""

    class_names: list[str]
    image_shape: tuple[int, int, int]
    keras: Any = None
    litert: Any = None


def on_disk(name: str) -> Trained:
    """Find the `.keras` file of a model with its first seed, or of a training such as `vgg-43`, without TensorFlow.

    Raise `InputError` for an unknown or untrained one.
    """
    training = loading.load().trainings_of(name)[0]
    file, dataset = paths.model(training), files.read_json(paths.DATASET)
    _require_whole(training, file)
    height, width, channels = dataset["image_shape"]
    return Trained(dataset["class_names"], (height, width, channels), file)


def champion() -> Trained:
    """Load the registry's champion; raise `InputError` if there is none."""
    from pipeline.addons.registry import promotion  # here, since a model on disk needs no mlflow

    model, class_names, _ = promotion.champion(loading.load().fetch.dataset_name)
    return Trained(class_names, model.input_shape[1:], model)


def fetched_champion() -> Trained | None:
    """Load the champion that `promote`, `rollback` or `fetch` brought here last, by LiteRT; None if none did.

    Raise `InputError` if its files are damaged.
    """
    place = folder.pointed(folder.root(location.repository(), loading.load().fetch.dataset_name))
    if place is None:
        return None
    content, about = folder.read(place)
    from pipeline.addons.runtimes.litert import Network  # here, since a model on disk needs none

    network = Network(content, processor.threads())
    return Trained(about["classes"], network.image_shape, litert=network)


def predict(trained: Trained, images: np.ndarray) -> np.ndarray:
    """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels).

    Raise `InputError` for a broken model, and for one of other images or classes than the dataset's.
    """
    if trained.litert:
        batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        return np.concatenate([trained.litert.predict(batch) for batch in batches])
    from pipeline.network import training  # here, so that bad input is refused at once

    return training.predict(load(trained), images)


def load(trained: Trained) -> Any:
    """Return the Keras model, which one of LiteRT has not; raise `InputError` as `predict` does."""
    from pipeline.network import saving

    model = saving.load(trained.keras) if isinstance(trained.keras, Path) else trained.keras
    shape, classes = model.input_shape[1:], model.output_shape[-1]
    if (shape, classes) != (trained.image_shape, len(trained.class_names)):
        found = f"{trained.keras} takes images of {' × '.join(map(str, shape))} and knows {classes} classes"
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
