"""Every published system is a recipe: exactly its network, its training, and its figure as the gate's floor."""

import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.workspace import Workspace
from pipeline.addons.published.datasets import DATASETS
from pipeline.base import files, tables
from pipeline.config import loading, network_fits
from pipeline.data import datasets
from pipeline.network import building
from tests.addons.published import publishers
from tests.conftest import ROOT

PUBLISHED = ROOT / "recipes" / "published"
LETTERS = {
    "two_convolutions": "A",
    "letters_dense": "B1",
    "letters_batch_norm": "B2",
    "letters_convolutions": "B3",
    "mnist_adam": "C1",
    "mnist_sgd": "C2",
    "cifar10_adam": "C3",
    "cifar10_sgd": "C4",
    "dense_only": "D1",
    "two_convolutions_dropout": "D2",
    "linear": "E1",
    "vgg": "E2",
    "vgg_augmented": "E3",
}
PARAMETERS = {
    "two_convolutions": 243_786,
    "letters_dense": 271_370,
    "letters_batch_norm": 44_010,
    "letters_convolutions": 662_410,
    "mnist_adam": 50_090,
    "mnist_sgd": 50_186,
    "cifar10_adam": 60_266,
    "cifar10_sgd": 60_362,
    "dense_only": 79_510,
    "two_convolutions_dropout": 323_286,
    "linear": 241_546,
    "vgg": 5_240_842,
    "vgg_augmented": 5_240_842,
}
TRAINABLE = {"letters_dense": 270_346, "letters_batch_norm": 43_882}
FLOORS = {
    "two_convolutions": {"test": {"accuracy": 0.9045}},
    "letters_dense": {"test": {"accuracy": 0.9044}},
    "dense_only": {"validation": {"accuracy": 0.8549}},
    "two_convolutions_dropout": {"validation": {"accuracy": 0.8549}},
    "linear": {"test": {"accuracy": 0.8868}},
    "vgg": {"test": {"accuracy": 0.9198}},
}
STOP_D = {"monitor": "validation_loss", "patience": 2, "min_delta": 0.0, "restore_best_weights": True}
STOP_B = STOP_D | {"patience": 3}
STOP_LATE = STOP_D | {"patience": 5, "min_delta": 0.1}
ADAM, SGD = {"name": "adam", "learning_rate": 0.001}, {"name": "sgd", "learning_rate": 0.01}
SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"
SETTINGS = {  # dataset, split, validation's fraction, scaling; epochs, batch size, optimizer, loss, early stopping
    "two_convolutions": ("fashion_mnist", "tail", 0, "unit", 5, 32, ADAM, SPARSE, None),
    "letters_dense": ("notmnist", "tail", 0.2, "min_max", 10_000, 32, ADAM, ONE_HOT, STOP_LATE),
    "letters_batch_norm": ("notmnist", "tail", 0.2, "min_max", 5, 32, ADAM, ONE_HOT, STOP_B),
    "letters_convolutions": ("notmnist", "tail", 0.2, "min_max", 5, 32, ADAM, ONE_HOT, STOP_B),
    "mnist_adam": ("mnist", "tail", 0, "unit", 15, 100, ADAM | {"learning_rate": 0.01}, SPARSE, None),
    "mnist_sgd": ("mnist", "tail", 0, "unit", 5, 100, SGD, ONE_HOT, None),
    "cifar10_adam": ("cifar10", "tail", 0, "unit", 15, 100, ADAM | {"learning_rate": 0.01}, SPARSE, None),
    "cifar10_sgd": ("cifar10", "tail", 0, "unit", 5, 100, SGD, ONE_HOT, None),
    "dense_only": ("fashion_mnist", "random", 0.2, "unit", 20, 32, ADAM, SPARSE, STOP_D),
    "two_convolutions_dropout": ("fashion_mnist", "random", 0.2, "unit", 20, 32, ADAM, SPARSE, STOP_D),
    "linear": ("fashion_mnist", "tail", 0.25, "unit", 25, 32, ADAM, SPARSE, None),
    "vgg": ("fashion_mnist", "tail", 0.25, "unit", 25, 32, ADAM, SPARSE, None),
    "vgg_augmented": ("fashion_mnist", "tail", 0.25, "unit", 25, 32, ADAM, SPARSE, None),
}
AUGMENTATION: dict[str, Any] = {"rotation_range": 10, "zoom_range": 0.1, "shear_range": 0.5, "horizontal_flip": True}
AUGMENTATION |= {"width_shift_range": 0.1, "height_shift_range": 0.1, "shift_pixels": 0, "erasing": None}
AUGMENTATION |= {"contrast": 0, "brightness": 0}
AUGMENTATIONS = {"vgg_augmented": AUGMENTATION}
UNIT = {"scale": [1 / 255], "offset": [0.0]}


def load(name: str) -> Any:
    return loading.load(PUBLISHED / f"{name}.yaml")


def test_each_recipe_is_a_published_system() -> None:
    assert {path.stem for path in PUBLISHED.glob("*.yaml")} == {*PARAMETERS}


def test_each_published_system_says_first_which_one_it_is() -> None:
    letters = {}
    for name in PARAMETERS:
        found = re.match(r"# System (\w+) of the published systems", (PUBLISHED / f"{name}.yaml").read_text())
        assert found, name
        letters[name] = found[1]
    assert letters == LETTERS


@pytest.mark.parametrize("name", PARAMETERS)
def test_recipe_has_exactly_the_published_parameters(name: str) -> None:

    params = load(name)
    shape = datasets.image_shape(params.fetch)
    assert shape
    network_fits.check_networks(params, shape)
    model = building.build(params.models[name], shape, 10, UNIT)
    assert model.count_params() == PARAMETERS[name]
    if name in TRAINABLE:
        assert sum(variable.numpy().size for variable in model.trainable_variables) == TRAINABLE[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_recipe_trains_as_published(name: str) -> None:
    params = load(name)
    prepare, train = params.prepare, params.models[name].train
    optimizer = {key: getattr(train.optimizer, key) for key in ("name", "learning_rate")}
    stopping = train.early_stopping and train.early_stopping.model_dump()
    found = (params.fetch.dataset, prepare.split, prepare.validation_fraction, prepare.scaling)
    assert (*found, train.epochs, train.batch_size, optimizer, train.loss, stopping) == SETTINGS[name]
    assert (params.seeds, prepare.seed, train.schedule.name, train.label_smoothing) == ([42], 42, "constant", 0)
    assert train.precision == "float32"
    assert (train.augmentation and train.augmentation.model_dump()) == AUGMENTATIONS.get(name)


@pytest.mark.parametrize("name", PARAMETERS)
def test_recipe_holds_its_model_to_the_published_figure(name: str) -> None:
    params = load(name)
    assert list(params.models) == [name]
    assert params.gate_of(name).at_least == FLOORS.get(name, {})


# What the publishers' files hold is pinned; the tests' small ones are written in exactly their format.
SMALL = {"mnist": publishers.mnist, "cifar10": publishers.cifar10, "notmnist": publishers.notmnist}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, params in SETTINGS.items() if params[0] in SMALL])
def test_whole_recipe_runs_on_small_files_of_the_publishers_format(name: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    shutil.copy(PUBLISHED / f"{name}.yaml", workspace.folder / "params.yaml")
    dataset = load(name).fetch.dataset
    folder = tmp_path / "mirror" / dataset
    folder.mkdir(parents=True)
    code = workspace.folder / "pipeline" / "addons" / "published" / "datasets.py"
    for file, content in zip(DATASETS[dataset].files, SMALL[dataset](), strict=True):
        (folder / file.name).write_bytes(content)
        if file.sha256:
            code.write_text(code.read_text().replace(file.sha256, hashlib.sha256(content).hexdigest()))
    stages = {"fetch", "prepare", "duplicates", f"train@{name}-42", f"evaluate@{name}-42", "report"}
    assert workspace.repro(DATASET_MIRROR=str(folder.parent)) == stages
    scores = files.read_json(workspace.folder / "reports" / f"{name}-42" / "metrics.json")
    assert scores["parameters"] == PARAMETERS[name]
    assert ("validation" in scores) == (dataset == "notmnist")
    epochs = len(tables.read_csv(workspace.folder / "reports" / f"{name}-42" / "history.csv")["epoch"])
    assert epochs == load(name).train.epochs or load(name).train.early_stopping
