"""A trained model by its name, or the champion: as LiteRT where it was exported, which is far quicker, or as Keras."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import addons
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.tracking import location, lock, paths

if TYPE_CHECKING:
    from pipeline.config.schema import Training

BATCH = 100  # images that LiteRT gets at a time: it keeps buffers for as many


@dataclass(frozen=True)
class Trained:
    """A trained model: its classes, (height, width, channels), and what computes it, of Keras or of LiteRT."""

    class_names: list[str]
    image_shape: tuple[int, int, int]
    keras: Any = None  # the model, or the path of its `.keras` file
    litert: Any = None  # its exported network


def find(name: str) -> Trained:
    """Find a model with its first seed, or a training such as `vgg-43`, without TensorFlow.

    Where it was exported to LiteRT, it is that network. Raise `InputError` for an unknown or untrained one.
    """
    return _exported(name) or on_disk(name)


def champion() -> Trained:
    """Find the registry's champion, as it was brought to `.champion/` or else as Keras; raise `InputError` without one.

    A damaged copy is left alone.
    """
    _require_registry()
    from pipeline.addons.registry import asking, folder
    from pipeline.config import loading

    dataset = loading.load().fetch.dataset_name
    asked = asking.version(dataset)
    place = asked and folder.place(folder.root(location.repository(), dataset), *asked)
    if not place or not folder.whole(place):
        return in_registry()
    from pipeline.addons.runtimes import litert

    content, about = folder.read(place)
    network = litert.Network(content, processor.threads())
    return Trained(about["classes"], network.image_shape, litert=network)


def on_disk(name: str) -> Trained:
    """Find the `.keras` file of a model with its first seed, or of a training; raise `InputError` as `find` does."""
    from pipeline.config import loading

    training = loading.load().trainings_of(name)[0]
    file = paths.model(training)
    for path in (file, paths.DATASET):
        if not path.is_file():
            raise InputError(f"{path} is missing: run `dvc repro` first")
    _require_whole(training, file)
    dataset = files.read_json(paths.DATASET)
    height, width, channels = dataset["image_shape"]
    return Trained(dataset["class_names"], (height, width, channels), keras=file)


def in_registry() -> Trained:
    """Load the registry's champion by Keras; raise `InputError` if there is none."""
    _require_registry()
    from pipeline.addons.registry import promotion  # here, since a model on disk needs no mlflow
    from pipeline.config import loading

    model, class_names, _ = promotion.champion(loading.load().fetch.dataset_name)
    return Trained(class_names, model.input_shape[1:], keras=model)


def predict(trained: Trained, images: np.ndarray) -> np.ndarray:
    """Return the probabilities, float32 of (n, classes), for uint8 images of (n, height, width, channels).

    Raise `InputError` for a broken model, and for one of other images or classes than the dataset's.
    """
    if trained.litert:
        batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
        return np.concatenate([trained.litert.predict(batch) for batch in batches])
    from pipeline.network import training  # here, so that bad input is refused at once

    return training.predict(load(trained), images)


def load(trained: Trained) -> Any:
    """Return the Keras model, which one of LiteRT has not; raise `InputError` as `predict` does."""
    from pipeline.network import saving

    model = saving.load(trained.keras) if isinstance(trained.keras, Path) else trained.keras
    shapes = (*model.input_shape[1:], model.output_shape[-1])
    if shapes != (*trained.image_shape, len(trained.class_names)):
        described = " × ".join(map(str, shapes[:-1]))
        raise InputError(
            f"{trained.keras} takes images of {described} and knows {shapes[-1]} classes, not as {paths.DATASET} has "
            "it: run `dvc repro` first"
        )
    return model


def _require_registry() -> None:
    if "registry" not in addons.offering("command"):
        raise InputError("without the add-on registry there is no champion: give --model NAME")


def _require_whole(training: "Training", file: Path) -> None:
    """Raise `InputError` if dvc.lock says that a model is of other bytes, or was trained on another dataset.json."""
    stage = lock.read().get(f"train@{training.name}")
    known = stage.deps | stage.outs if stage else {}
    if known.get(paths.DATASET.as_posix(), now := files.md5(paths.DATASET)) != now:
        raise InputError(f"{file} was trained on other data than {paths.DATASET} describes now: run `dvc repro` first")
    if known.get(file.as_posix(), now := files.md5(file)) != now:
        raise InputError(f"{file} is not the file that {lock.LOCK} tells of: `dvc checkout {file}` puts it back")


def _exported(name: str) -> Trained | None:
    """Return a training's network for LiteRT, or None where there is none of the very model and data on disk.

    It reads no more than it takes to know: the params check and dvc.lock would take as long as all else.
    """
    params = files.read_yaml(paths.PARAMS)
    models, seeds = params.get("models"), params.get("seeds")
    if not (isinstance(models, dict) and isinstance(seeds, list) and seeds):
        return None
    training = f"{name}-{seeds[0]}" if name in models else name
    known = training in {f"{model}-{seed}" for model in models for seed in seeds}
    made_from = {"model_md5": paths.named_model(training), "dataset_md5": paths.DATASET}
    path = paths.exported(training)
    if not known or not all(file.is_file() for file in (path, *made_from.values())):
        return None
    from pipeline.addons.runtimes import litert

    told = litert.metadata(content := path.read_bytes())
    if any(told.get(key) != files.md5(file) for key, file in made_from.items()):
        return None
    network = litert.Network(content)
    return Trained(json.loads(told["class_names"]), network.image_shape, litert=network)
