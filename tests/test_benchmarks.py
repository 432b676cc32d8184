import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import clones, cost, leaderboard, memory, published, recipes, run, scaling, target
from pipeline.base import files, processor
from pipeline.config import loading
from pipeline.tracking import paths
from tests.conftest import ROOT


@pytest.mark.parametrize(("accuracy", "seconds"), [(0.5, 10.0), (0.8, 20.0), (0.85, 30.0), (0.95, math.inf)])
def test_the_target_is_reached_at_the_first_epochs_end_that_has_it(accuracy: float, seconds: float) -> None:
    assert target.seconds_to(accuracy, [(10.0, 0.5), (20.0, 0.8), (30.0, 0.9), (40.0, 0.7)]) == seconds


def test_the_leaderboard_begins_with_the_most_accurate() -> None:
    few = leaderboard.Entry("few", [0.91], None, 12.0, 1_000)
    many = leaderboard.Entry("many", [0.93, 0.95], 0.96, 1_617.4, 5_240_842)
    assert leaderboard.as_markdown([few, many]).splitlines()[2:] == [
        "| many | 0.9400 ± 0.0141 | 0.9600 | 1,617 | 5,240,842 | 2 |",
        "| few | 0.9100 | – | 12 | 1,000 | 1 |",
    ]


def test_arithmetic_is_three_products_of_every_kernel() -> None:
    import keras

    from benchmarks import limit

    layers = [keras.Input((6, 5, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(7)]
    convolution, dense = (4 * 3) * (3 * 3 * 1 * 2), (4 * 3 * 2) * 7  # multiplications, each with an addition
    assert limit.arithmetic(keras.Sequential(layers)) == 3 * 2 * (convolution + dense)


def test_cost_knows_every_stage_by_its_command() -> None:
    definitions = files.read_yaml(ROOT / "dvc.yaml")["stages"]
    for name, stage in definitions.items():
        found = re.match(cost.STAGE, stage["cmd"].removeprefix("exec ").replace('"$DVC_STAGE"', f"{name}@vgg-42"))
        assert found
        assert found[1] == (f"{name}@vgg-42" if "matrix" in stage else name)


def commit() -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (["init"], ["add", "."], [*identity, "commit", "-m", "all"]):
        subprocess.run(["git", *command], check=True, capture_output=True)


def test_what_took_hours_is_kept_until_a_commit_changes_what_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = []
    for name in ("pipeline/models.py", "README.md", "benchmarks/results/best.md", "recipes/best.yaml"):
        files.write_text(Path(name), name)
        commit()
        folders.append(clones.kept("best"))
    assert folders[0] == folders[1] == folders[2] != folders[3]
    assert folders[0].parent == Path(".benchmarks")


def test_a_clone_finds_the_mirrors_of_its_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "checkout")
    files.write_text(Path("README.md"), "of the commit")
    commit()
    clones.make(Path(".benchmarks/one"), {"fetch": {"dataset": "mnist", "mirrors": ["../mine", "https://a.b/c/"]}})
    fetch = files.read_yaml(Path(".benchmarks/one/params.yaml"))["fetch"]
    assert fetch == {"dataset": "mnist", "mirrors": [str(tmp_path / "mine"), "https://a.b/c/"]}
    assert Path(".benchmarks/one/README.md").exists()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the published recipes, beside a mirror; `dvc repro` there knows Fashion-MNIST and IDX files."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "recipes/published", folder / "recipes/published")
    (tmp_path / "shared/datasets/mnist-idx").mkdir(parents=True)
    monkeypatch.chdir(folder)
    commit()

    def dvc(command: list[str], cwd: Path, check: bool) -> Any:
        params = loading.load(cwd / "params.yaml")
        if command == ["dvc", "repro", "fetch"]:
            at_hand = params.fetch.dataset_name in ("fashion_mnist", "mnist-idx")
            return SimpleNamespace(returncode=0 if at_hand else 255)
        for training in params.trainings:
            scores = {"test": {"accuracy": 0.9 + training.seed / 1000}, "validation": {"accuracy": 0.5}}
            files.write_json(paths.metrics(training, cwd / "reports"), scores)
        return None

    monkeypatch.setattr(published, "subprocess", SimpleNamespace(run=dvc))
    monkeypatch.setattr(clones, "training_seconds", lambda folder: 90.0)
    return folder


def cells(table: str) -> dict[str, list[str]]:
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {name.strip("`"): others for name, *others in rows}


def test_published_recipes_are_measured_by_the_split_of_their_figure(checkout: Path) -> None:
    *_, last = map(cells, published.table())
    assert last.keys() == {path.stem for path in (ROOT / "recipes/published").glob("*.yaml")}
    assert last["dense_only"] == ["fashion_mnist", "validation", "0.8549", "0.5000", "90"]
    assert last["vgg"] == ["fashion_mnist", "test", "0.9198", "0.9420", "90"]
    assert last["vgg_augmented"] == ["fashion_mnist", "test", "–", "0.9420", "90"]
    assert last["two_convolutions"] == ["fashion_mnist", "test", "0.9045", "0.9430 ± 0.0010", "3 × 30"]


def test_published_recipes_without_their_data_say_so_and_those_of_idx_files_too(checkout: Path) -> None:
    *_, last = map(cells, published.table())
    assert {name: row[0] for name, row in last.items() if "mnist_" in name} == dict.fromkeys(
        ("mnist_adam", "mnist_sgd"), "mnist-idx (idx_folder)"
    )
    missing = {name for name, row in last.items() if row[-2:] == ["data not at hand", "–"]}
    assert missing == {name for name in last if name.startswith(("letters", "cifar10"))}


def test_a_published_recipe_that_is_not_trained_yet_says_so(checkout: Path) -> None:
    tables = [cells(table) for table in published.table()]
    waiting = [[name for name, row in table.items() if row[-2:] == ["not trained yet", "–"]] for table in tables]
    assert waiting == [list(published.NAMES[count:]) for count in range(1, len(published.NAMES) + 1)]


def test_a_published_recipe_goes_on_in_the_clone_that_is_there(checkout: Path) -> None:
    first = list(published.table())[-1]
    for folder in Path(".benchmarks").iterdir():
        files.write_text(folder / "models/half.keras", "trained for hours")
    before = sorted(Path(".benchmarks").rglob("half.keras"))
    assert list(published.table())[-1] == first
    assert sorted(Path(".benchmarks").rglob("half.keras")) == before != []


def test_a_run_that_is_interrupted_leaves_its_last_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Iterator[str]:
        yield "| first |"
        yield "| second |"
        raise KeyboardInterrupt

    monkeypatch.setattr(published, "table", interrupted)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["run", "published"])
    with pytest.raises(KeyboardInterrupt):
        run.main()
    (written,) = tmp_path.glob("*/published.md")
    assert written.read_text().startswith("| second |\n\n")


@pytest.mark.parametrize(("flags", "precision"), [("avx2", "float32"), ("avx512_bf16", "mixed_bfloat16")])
def test_recipes_are_trained_in_bfloat16_where_the_processor_has_it(
    flags: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "CPU_INFO", tmp_path / "cpuinfo")
    processor.CPU_INFO.write_text(f"flags\t\t: fpu {flags}\n")
    raw = files.read_yaml(ROOT / "recipes/fast.yaml")
    raw["train"]["precision"] = precision
    assert recipes.suited(ROOT / "recipes/fast.yaml") == raw
    vgg = ROOT / "recipes/published/vgg.yaml"
    assert recipes.suited(vgg) == files.read_yaml(vgg)


@pytest.mark.slow
def test_memory_of_the_stages_grows_by_less_than_half_of_what_more_images_take() -> None:
    few, many = memory.measured(60_000), memory.measured(400_000)
    more = (400_000 - 60_000) * memory.SIDE**2
    assert {name: (many[name].memory - few[name].memory) / more < 0.5 for name in few} == dict.fromkeys(few, True)


@given(fixed=st.floats(0, 1), an_image=st.floats(1e-6, 1), parameters=st.integers(1, 10**9), speed=st.floats(1e6, 1e12))
def test_more_workers_share_the_images_and_send_less_than_the_gradients_twice(
    fixed: float, an_image: float, parameters: int, speed: float
) -> None:
    whole, half = (fixed + an_image * images for images in (scaling.BATCH, scaling.BATCH / 2))
    step = scaling.fitted(whole, half, parameters)
    assert scaling.seconds(step, 1, speed) == pytest.approx(whole)
    assert scaling.bytes_sent(parameters, 2) == 4 * parameters
    sent = [scaling.bytes_sent(parameters, workers) for workers in (1, 2, 8, 64)]
    assert sent == sorted(sent)
    assert sent[0] == 0
    assert sent[-1] < 2 * 4 * parameters
    assert scaling.seconds(step, 2, speed) == pytest.approx(half + sent[1] / speed)
