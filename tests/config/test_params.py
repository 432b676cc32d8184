import copy
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading, network_fits
from pipeline.config.schema import Training
from pipeline.config.section import at
from pipeline.data import datasets
from tests.conftest import PARAMS, ROOT

Write = Callable[[dict[str, Any]], Path]
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))


def set_at(raw: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    place: Any = raw
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[int(last) if isinstance(place, list) else last] = value


def assert_refused(raw: dict[str, Any], write_params: Write, path: str, value: Any, expected: list[str]) -> None:
    set_at(raw, path, value)
    message = error(write_params(raw))
    assert "\n" not in message
    for part in expected:
        assert part in message


def error(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        network_fits.check_networks(loading.load(path), (28, 28, 1))
    return str(caught.value)


@pytest.mark.parametrize("path", [ROOT / "params.yaml", PARAMS, *RECIPES], ids=lambda path: str(path.relative_to(ROOT)))
def test_committed_files_are_right(path: Path) -> None:
    params = loading.load(path)
    shape = datasets.image_shape(params.fetch)
    assert shape
    network_fits.check_networks(params, shape)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("seeds", [-1], ["seeds.0: -1:", "greater than or equal to 0"]),
        ("seeds", [True], ["seeds.0: True:", "integer"]),
        ("seeds", [], ["seeds: []:", "at least 1 item"]),
        ("seeds", [1, 2, 1], ["seeds: 1 stands there twice: name it once"]),
        ("prepare.seed", -1, ["prepare.seed: -1:", "greater than or equal to 0"]),
        ("modles", {}, ["modles is unknown; did you mean models?"]),
        ("fetch.dataset", 3, ["fetch.dataset: 3:"]),
        ("fetch.dataset", {"path": "x"}, ["fetch.dataset: {'path': 'x'}: give keys with values, as in {name: ...}"]),
        (
            "fetch.dataset",
            {"name": "folder"},
            ["fetch.dataset: {'name': 'folder'}: input tag 'folder'", "'image_folder', 'idx_folder', 'npz'"],
        ),
        ("fetch.dataset", {"name": "npz"}, ["fetch.dataset.path is missing"]),
        ("fetch.dataset", {"name": "npz", "path": ""}, ["fetch.dataset.path: '':", "at least 1 character"]),
        (
            "fetch.dataset",
            {"name": "image_folder", "path": "x", "height": 8, "width": 8, "channels": 4},
            ["fetch.dataset.channels: 4:", "1 or 3"],
        ),
        ("fetch.mirrors", "x", ["fetch.mirrors: 'x':", "list"]),
        ("prepare.split", "tial", ["prepare.split: 'tial':", "'stratified', 'random' or 'tail'"]),
        ("prepare.validation_fraction", 1.0, ["prepare.validation_fraction: 1.0:", "less than 1"]),
        ("train", 3, ["train: 3:", "mapping of keys to values"]),
        ("train.epoch", 3, ["train: epoch is unknown; did you mean epochs?"]),
        ("train.epochs", "3", ["train.epochs: '3':", "integer"]),
        ("train.epochs", 0, ["train.epochs: 0:", "greater than 0"]),
        (
            "train.optimizer",
            {"name": "adm"},
            ["train.optimizer: {'name': 'adm'}: input tag 'adm'", "'adam', 'adamw', 'sgd', 'muon'"],
        ),
        (
            "train.optimizer",
            {"learning_rate": 1.0},
            ["train.optimizer: {'learning_rate': 1.0}: give keys with values, as in {name: ...}"],
        ),
        ("train.optimizer.learning_rate", float("nan"), ["train.optimizer.learning_rate: nan:", "finite"]),
        ("train.optimizer.momentum", 0.9, ["train.optimizer: momentum is unknown"]),
        ("train.label_smoothing", 0.1, ["train: label_smoothing 0.1 needs loss: categorical_crossentropy"]),
        ("train.precision", "bfloat16", ["train.precision: 'bfloat16':", "'float32' or 'mixed_bfloat16'"]),
        ("train.augmentation", {"horizontal_flip": "often"}, ["train.augmentation.horizontal_flip: 'often':"]),
        ("train.augmentation", {"shift_pixels": 1.5}, ["train.augmentation.shift_pixels: 1.5:", "integer"]),
        ("train.augmentation", {"erasing": {"height": 8}}, ["train.augmentation.erasing.width is missing"]),
        (
            "models.vgg.train",
            {"augmentation": {"erasing": {"height": 8, "width": 29}}},
            ["models.vgg.train.augmentation.erasing: 8 × 29 pixels do not fit an image of 28 × 28"],
        ),
        (
            "models.vgg.train",
            {"augmentation": {"shift_pixels": 28}},
            ["models.vgg.train.augmentation.shift_pixels: 28 moves an image of 28 × 28 away"],
        ),
        ("models", {}, ["models: {}:", "at least 1"]),
        ("models.a b", {}, ["models.a b: 'a b': string should match pattern '^[A-Za-z0-9]"]),
        ("models.vgg", None, ["models.vgg: None:", "mapping of keys to values"]),
        ("models.vgg.blocks.0", 3, ["models.vgg.blocks.0: 3:", "mapping of keys to values"]),
        ("models.vgg.blocks.0", {"filter": [8]}, ["models.vgg.blocks.0: filter is unknown; did you mean filters?"]),
        ("train.optimizer", "rmsprop", ["train.optimizer: 'rmsprop': give keys with values, as in {name: ...}"]),
        ("models.vgg.dense.0", 128, ["models.vgg.dense.0: 128: input should be a mapping of keys to values"]),
        ("models.vgg.blocks.0.filters", [], ["models.vgg.blocks.0: filters is []:"]),
        ("models.vgg.blocks.0.filters", 32, ["models.vgg.blocks.0: filters is 32:", "list"]),
        ("models.vgg.blocks.0.filters.1", 0, ["models.vgg.blocks.0.filters.1: 0:", "greater than 0"]),
        ("models.vgg.blocks.0.padding", ["same"] * 3, ["models.vgg.blocks.0: padding has 3 values for 2 filters"]),
        ("models.vgg.blocks.0.padding", "smae", ["models.vgg.blocks.0.padding: 'smae':", "'same' or 'valid'"]),
        ("models.vgg.blocks.0.dropout", 1.5, ["models.vgg.blocks.0.dropout: 1.5:", "less than 1"]),
        ("models.vgg.blocks.0.kernel_initializer", "norm", ["models.vgg.blocks.0.kernel_initializer: 'norm':"]),
        ("models.vgg.blocks", [{"filters": [8]}] * 6, ["models.vgg.blocks.4: the 2 × 2 pool", "1 × 1"]),
        ("models.vgg.blocks.1.residual", True, ["models.vgg.blocks.1: residual needs padding: same and strides: 1"]),
        ("models.vgg.blocks.0.strides", [2, 0], ["models.vgg.blocks.0.strides.1: 0:", "greater than 0"]),
        ("models.vgg.blocks.0.strides", 4, ["models.vgg.blocks.1: a valid convolution", "1 × 1"]),
        ("models.vgg.global_pool", "mean", ["models.vgg.global_pool: 'mean':", "'none', 'max' or 'average'"]),
        ("models.baseline.blocks.0.kernel_size", 29, ["models.baseline.blocks.0: a valid", "28 × 28"]),
        ("models.vgg.train", {"epochz": 1}, ["models.vgg.train: epochz is unknown; did you mean epochs?"]),
        ("models.vgg.train", {"epochs": -1}, ["models.vgg.train.epochs: -1:"]),
        ("models.vgg.train", 3, ["models.vgg.train: 3:", "mapping of keys to values"]),
        ("gate.vggg", {}, ["gate: vggg is unknown; did you mean vgg?"]),
        ("gate.vgg", {"test": {"accuracy": 0.9}}, ["gate.vgg: test is unknown;", "allowed: at_least, at_most,"]),
        (
            "gate.vgg.at_least",
            {"test": {"accuracy": "high"}},
            ["gate.vgg: at_least.test.accuracy: 'high' is not"],
        ),
        ("gate.vgg.at_least", {"test": {"loss": 1.0}}, ["gate.vgg: at_least.test.loss would let the worst pass"]),
        ("gate.vgg", {"at_most": {"test": {"accuracy": 1.0}}}, ["at_most.test.accuracy would let the worst pass"]),
        ("gate.vgg", {"worst_seed": {"at_lest": {}}}, ["gate.vgg.worst_seed: at_lest is unknown; did you mean"]),
        ("gate.vgg", {"no_worse_than": {"revision": "main", "by": -1}}, ["gate.vgg.no_worse_than.by: -1:"]),
        ("gate.vgg", {"no_worse_than": "main"}, ["gate.vgg.no_worse_than: 'main'"]),
        ("gate.vgg", {"not_significantly_worse_than": "main"}, ["gate.vgg.not_significantly_worse_than: 'main'"]),
    ],
)
def test_wrong_value_is_one_line_with_key_value_and_remedy(
    raw: dict[str, Any], write_params: Write, path: str, value: Any, expected: list[str]
) -> None:
    assert_refused(raw, write_params, path, value, expected)


@pytest.mark.parametrize(
    "path",
    [
        "seeds",
        "train",
        "models",
        "train.epochs",
        "prepare.scaling",
        "prepare.seed",
    ],
)
def test_missing_key_is_named(raw: dict[str, Any], write_params: Write, path: str) -> None:
    *parents, last = path.split(".")
    section: Any = raw
    for part in parents:
        section = section[part]
    del section[last]
    assert f"{path} is missing" in error(write_params(raw))


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("mnist", "mnist"),
        ({"name": "npz", "path": "~/data/leaves.v2.npz"}, "leaves.v2"),
        ({"name": "idx_folder", "path": "../emnist/"}, "emnist"),
        ({"name": "npz", "path": "it's 12:30"}, "it-s 12-30"),
        ({"name": "npz", "path": "nowhere/ "}, "npz"),
        ({"name": "image_folder", "path": ".", "height": 8, "width": 8}, "image_folder"),
    ],
)
def test_ones_own_dataset_is_called_as_its_folder_or_file(raw: dict[str, Any], dataset: Any, name: str) -> None:
    raw["fetch"]["dataset"] = dataset
    assert loading.validate(raw).fetch.dataset_name == name


def test_early_stopping_needs_a_validation_part(raw: dict[str, Any], write_params: Write) -> None:
    raw["prepare"]["validation_fraction"] = 0
    raw["models"]["vgg"]["train"] = {"early_stopping": {"patience": 2}}
    message = "prepare.validation_fraction is 0, but models.vgg needs it for early_stopping"
    assert message in error(write_params(raw))


def test_five_pools_do_not_fit_8_by_8(raw: dict[str, Any]) -> None:
    raw["gate"] = {}
    raw["models"] = {"deep": {"blocks": [{"filters": [4]}] * 5}}
    with pytest.raises(InputError, match=r"models\.deep\.blocks\.3: the 2 × 2 pool does not fit a map of 1 × 1"):
        network_fits.check_networks(loading.validate(raw), (8, 8, 3))


@pytest.mark.parametrize(
    ("changes", "width", "refused"),
    [
        ({}, 2, True),
        ({}, 1, True),
        ({}, 3, False),  # leaves 2
        ({"kernel_size": 2}, 2, False),
        ({"kernel_size": 2, "padding": "valid"}, 2, False),
        ({"strides": 1}, 2, False),
        ({"strides": 3}, 3, False),
        ({"strides": 3, "kernel_size": 5}, 3, True),
    ],
)
def test_kernels_wider_than_a_map_are_refused_in_bfloat16_where_strides_leave_it_1_wide(
    raw: dict[str, Any], changes: dict[str, Any], width: int, refused: bool
) -> None:
    raw["gate"] = {}
    raw["models"] = {"narrow": {"blocks": [{"filters": [4], "strides": 2, "pool": "none"} | changes]}}
    network_fits.check_networks(loading.validate(raw), (9, width, 1))
    raw["train"]["precision"] = "mixed_bfloat16"
    if not refused:
        network_fits.check_networks(loading.validate(raw), (9, width, 1))
        return
    with pytest.raises(InputError, match=rf"models\.narrow\.blocks\.0: .* map {width} wide with strides"):
        network_fits.check_networks(loading.validate(raw), (9, width, 1))


def test_trainings_are_every_model_with_every_seed(raw: dict[str, Any]) -> None:
    params = loading.validate(raw | {"seeds": [42, 7]})
    assert [training.name for training in params.trainings][:3] == ["baseline-42", "baseline-7", "vgg-42"]
    assert params.trainings_of("vgg") == [Training("vgg", 42), Training("vgg", 7)]
    assert params.trainings_of("vgg-7") == [Training("vgg", 7)]
    with pytest.raises(InputError, match=r"models: vgg-8 is unknown; did you mean vgg-7\?"):
        params.trainings_of("vgg-8")


def test_a_model_may_be_called_as_a_training(raw: dict[str, Any]) -> None:
    raw["models"], raw["gate"] = dict.fromkeys(("vgg", "vgg-42"), raw["models"]["vgg"]), {}
    params = loading.validate(raw)
    assert [training.name for training in params.trainings_of("vgg-42")] == ["vgg-42-42"]
    assert params.training("vgg-42") == Training("vgg", 42)


def test_two_mistakes_are_two_lines(raw: dict[str, Any], write_params: Write) -> None:
    raw["prepare"]["seed"], raw["train"]["epochs"] = -1, 0
    assert len(error(write_params(raw)).splitlines()) == 2


def test_model_takes_train_defaults_and_replaces_whole_keys(raw: dict[str, Any], write_params: Write) -> None:
    raw["models"]["vgg"]["train"] = {"optimizer": {"name": "sgd", "learning_rate": 0.1}}
    params = loading.load(write_params(raw))
    assert params.models["vgg"].train.optimizer.name == "sgd"
    assert params.models["vgg"].train.epochs == params.train.epochs
    assert params.models["baseline"].train == params.train


def test_exponents_are_numbers_as_for_dvc(raw: dict[str, Any], write_params: Write) -> None:
    path = write_params(raw)
    path.write_text(path.read_text().replace("learning_rate: 0.001", "learning_rate: 1e-3"))
    assert loading.load(path).train.optimizer.learning_rate == 0.001


@pytest.mark.parametrize("content", ["", "- a", "a: [", "a: 1\na: 2", "\x00", "seeds: 1: 2"])
def test_what_is_not_a_params_file_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    assert "\n" not in error(path)


NESTED = "seeds:\n- &a0 [1, 1]\n" + "".join(f"- &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGED = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 25))


@pytest.mark.parametrize("content", [NESTED, MERGED, "seeds: &a [*a]", "a: " + "[" * 20_000])
def test_what_is_nested_without_end_is_refused_in_one_line_at_once(tmp_path: Path, content: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content)
    began = time.monotonic()
    assert re.search(r"params\.yaml: .*(nested|aliases).*: write ", error(path))
    assert time.monotonic() - began < 20


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert "params.yaml is missing" in error(tmp_path / "params.yaml")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    "seeds",
    "fetch",
    "prepare.split",
    "train",
    "train.optimizer",
    "train.schedule",
    "train.augmentation",
    "models",
]
PLACES += [
    "models.vgg",
    "models.vgg.blocks",
    "models.vgg.blocks.0",
    "models.vgg.blocks.0.filters",
    "models.vgg.dense.0",
]
PLACES += ["models.vgg.blocks.0.kernel_initializer", "models.vgg_augmented.train", "gate", "gate.vgg"]
COMMITTED = files.read_yaml(PARAMS)


@given(st.sampled_from(PLACES), JSON)
def test_any_value_anywhere_is_taken_or_refused_with_a_message(place: str, value: Any) -> None:
    raw = copy.deepcopy(COMMITTED)
    set_at(raw, place, value)
    try:
        loading.validate(raw)
    except InputError as refused:
        assert str(refused).strip()  # noqa: PT017  # most values are refused, some are not


def run_check(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "params", str(path)], capture_output=True, text=True, cwd=ROOT, check=False
    )


def test_command_checks_a_file() -> None:
    done = run_check(PARAMS)
    assert done.returncode == 0
    assert "3 models, nothing wrong" in done.stdout


def test_what_seeds_score_together_may_have_limits_where_there_are_several(
    raw: dict[str, Any], write_params: Write
) -> None:
    raw["gate"]["vgg"] = {"at_least": {"together": {"accuracy": 0.9}}}
    done = run_check(write_params(raw))
    assert done.returncode == 2
    assert done.stderr.endswith("params.yaml: gate.vgg: together needs several seeds, and seeds is [42]: add one\n")
    assert done.stderr.count("\n") == 1
    raw["seeds"] = [42, 43]
    assert run_check(write_params(raw)).returncode == 0


def test_a_dotted_path_leads_through_mappings_and_lists_or_nowhere() -> None:
    tree = {"blocks": [{"filters": [8, 16]}], "none": None}
    assert at(tree, "blocks.0.filters") == [8, 16]
    assert at(tree, "blocks.0.filters.1") == 16
    for path in ("blocks.1.filters", "blocks.first", "none.filters", "blocks.0.filters.1.more", "other"):
        assert at(tree, path) is None


def test_command_refuses_an_unknown_dataset_with_exit_code_2(raw: dict[str, Any], write_params: Write) -> None:
    raw["fetch"]["dataset"] = "fashion_mnits"
    done = run_check(write_params(raw))
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: params.yaml: fetch.dataset: fashion_mnits is unknown; did you mean fashion_mnist?"
    )
    assert done.stderr.endswith("; or your own: docs/own-data.md\n")
    assert done.stderr.count("\n") == 1
