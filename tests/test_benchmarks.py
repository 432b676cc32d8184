import math
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import clones, cost, memory, recipes, scaling, target
from pipeline.base import files, processor
from tests.conftest import ROOT


@pytest.mark.parametrize(("accuracy", "seconds"), [(0.5, 10.0), (0.8, 20.0), (0.85, 30.0), (0.95, math.inf)])
def test_the_target_is_reached_at_the_first_epochs_end_that_has_it(accuracy: float, seconds: float) -> None:
    assert target.seconds_to(accuracy, [(10.0, 0.5), (20.0, 0.8), (30.0, 0.9), (40.0, 0.7)]) == seconds


def test_arithmetic_is_three_products_of_every_kernel() -> None:
    import keras

    from benchmarks import limit

    layers = [keras.Input((6, 5, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(7)]
    convolution, dense = (4 * 3) * (3 * 3 * 1 * 2), (4 * 3 * 2) * 7  # multiplications, each with an addition
    assert limit.arithmetic(keras.Sequential(layers)) == 3 * 2 * (convolution + dense)


def test_cost_knows_every_stage_by_its_command() -> None:
    definitions = files.read_yaml(ROOT / "dvc.yaml")["stages"]
    for name, stage in definitions.items():
        command = stage["cmd"].removeprefix("exec ").replace("${key}", "vgg-42").replace("${item.model}", "vgg-42")
        found = re.match(cost.STAGE, command)
        assert found
        assert found[1] == (f"{name} vgg-42" if "matrix" in stage else name)


def test_what_took_hours_is_kept_until_a_commit_changes_what_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    folders = []
    for name in ("pipeline/models.py", "README.md", "benchmarks/results/best.md", "recipes/best.yaml"):
        files.write_text(Path(name), name)
        subprocess.run(["git", "add", "."], check=True)
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, "commit", "--quiet", "-m", name], check=True)
        folders.append(clones.kept("best"))
    assert folders[0] == folders[1] == folders[2] != folders[3]
    assert folders[0].parent == Path(".benchmarks")


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
    assert {name: (many[name].peak - few[name].peak) / more < 0.5 for name in few} == dict.fromkeys(few, True)


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
