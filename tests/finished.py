"""A folder as `dvc repro` leaves it, made in milliseconds: evaluations, models, dvc.lock, and runs in a real store."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature

from pipeline.addons.registry import promotion
from pipeline.base import files
from pipeline.config import loading
from pipeline.data import arrays
from pipeline.evaluation import records
from pipeline.evaluation.records import Evaluation, Predictions
from pipeline.network import saving
from pipeline.tracking import fingerprints, server
from tests.conftest import ROOT

CLASS_NAMES = ["zero", "one", "two", "three"]
IMAGES = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)  # the pixel is 50 × the class + how hard it is
LABELS = np.arange(200) // 50


def table(skill: int) -> np.ndarray:
    """Return logits by pixel, (256, 4), of a classifier that knows images less hard than `skill`, 0 to 50."""
    pixels = np.arange(256)
    classes = (pixels // 50 + (pixels % 50 >= skill)) % 4
    return np.eye(4, dtype=np.float32)[classes] * 3


def network(skill: int) -> Any:
    """Build a real Keras network of uint8 pixels that answers as `table`."""
    import keras

    pixels = keras.Input((1, 1, 1), dtype="uint8")
    outputs = keras.layers.Reshape((4,))(keras.layers.Embedding(256, 4)(pixels))
    model = keras.Model(pixels, keras.layers.Softmax()(outputs))
    model.set_weights([table(skill)])
    return model


class Finished:
    """A folder with params.yaml of the digits demo, and whatever a test says was trained, with seed 42."""

    def __init__(self, folder: Path, images: np.ndarray = IMAGES, labels: np.ndarray = LABELS) -> None:
        """Write params.yaml, which has the floor test.accuracy 0.9, and the test split."""
        self.folder, self.images, self.labels = folder, images, labels
        files.write_bytes(folder / "params.yaml", (ROOT / "recipes/demo.yaml").read_bytes())
        files.write_bytes(folder / "dvc.yaml", (ROOT / "dvc.yaml").read_bytes())
        arrays.write(folder / "data/prepared/test", images, labels)

    def train(self, name: str, model: Any, validation: int | None = 100, *, log: bool = True) -> None:
        """Leave what training and evaluating a model would; `validation` of 100 validation images it gets right.

        None is for a training without a validation part.
        """
        probabilities = model.predict(self.images, verbose=0)
        classes = probabilities.shape[1]
        right = np.eye(classes, dtype=np.float32)[[0] * (validation or 100) + [1] * (100 - (validation or 100))]
        splits = ("train",) if validation is None else ("train", "validation")
        predictions = dict.fromkeys(splits, Predictions(np.zeros(100, int), right))
        predictions["test"] = Predictions(self.labels, probabilities)
        names = [*CLASS_NAMES, *map(str, range(classes))][:classes]
        evaluation = Evaluation(names, 8, 9, pd.DataFrame({"epoch": [1.0]}), predictions)
        files.write_arrays(self.folder / f"data/evaluations/{name}-42.npz", records.to_arrays(evaluation))
        files.write_bytes(self.folder / f"models/{name}-42.keras", saving.to_bytes(model))
        files.write_text(self.folder / f"reports/cards/{name}.md", f"# {name}\n\n## Limits\n")
        self.lock(name)
        if log:
            self.log(name)

    def lock(self, name: str) -> None:
        """Write the model's stages into dvc.lock, from what is on disk."""
        path = self.folder / "dvc.lock"
        stages = json.loads(path.read_text())["stages"] if path.exists() else {}
        model, test, evaluation = (
            {"path": part, "md5": fingerprints.md5(self.folder / part)}
            for part in (f"models/{name}-42.keras", "data/prepared/test", f"data/evaluations/{name}-42.npz")
        )
        params = files.read_yaml(self.folder / "params.yaml")
        values = {"params.yaml": {"train": params["train"], f"models.{name}": params["models"][name]}}
        train = {"cmd": f"train {model['md5']}", "deps": [], "params": values, "outs": [model]}  # its fingerprint's own
        stages[f"train@{name}-42"] = train
        stages[f"evaluate@{name}-42"] = {
            "cmd": "evaluate",
            "deps": [test, model],
            "params": values,
            "outs": [evaluation],
        }
        files.write_json(path, {"stages": stages})  # JSON is YAML

    def log(self, name: str) -> None:
        """Log the saved model to a finished run of its fingerprint, as the store does."""
        model = saving.load(self.folder / f"models/{name}-42.keras")
        tags = {"fingerprint": self.fingerprint(name), "git.commit": "c" * 40, "model": name}
        experiment = server.experiment_id(server.connect(), "digits")
        signature = infer_signature(self.images[:1], model.predict(self.images[:1], verbose=0))
        with mlflow.start_run(experiment_id=experiment, tags=tags):
            mlflow.tensorflow.log_model(model, name="model", signature=signature, pip_requirements=["keras"])

    def fingerprint(self, name: str) -> str:
        """Return the fingerprint of a model's training by dvc.lock."""
        return fingerprints.of_lock(f"train@{name}-42")


def promote(name: str | None = None, *, force: bool = False) -> str:
    """Promote a model of the working folder."""
    return promotion.promote(loading.load(), name, force=force)


def aliases() -> dict[str, str]:
    """Return which version each alias points at."""
    return {
        alias: str(version) for alias, version in mlflow.MlflowClient().get_registered_model("digits").aliases.items()
    }


def versions() -> list[Any]:
    """List the versions, oldest first."""
    return sorted(
        mlflow.MlflowClient().search_model_versions("name = 'digits'"), key=lambda version: int(version.version)
    )
