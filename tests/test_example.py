"""The example in plain Keras is what the pipeline makes of the same entry of a params file."""

import re
import runpy
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pipeline.base import files
from pipeline.config import loading
from pipeline.data.decoders import digits
from tests.conftest import ROOT

EXAMPLE = ROOT / "examples" / "plain_keras.py"
DEMO = loading.load(ROOT / "recipes" / "demo.yaml")
UNIT = {"scale": [1 / 255], "offset": [0.0]}


def layers(model: Any) -> list[tuple[Any, ...]]:
    """List each layer's kind, output shape, number of parameters and, if it is dropout, rate."""
    return [
        (type(layer).__name__, layer.output.shape, layer.count_params(), getattr(layer, "rate", None))
        for layer in model.layers
    ]


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def test_example_needs_no_pipeline_and_names_stages_and_files_that_exist() -> None:
    code = EXAMPLE.read_text()
    assert not re.search(r"^\s*(from|import) pipeline", code, re.MULTILINE)
    named = re.findall(r"[\w/]+\.(?:py|yaml)\b", code)
    assert {name for name in named if not (ROOT / name).is_file()} == set()
    assert set(re.findall(r"[Ss]tage (\w+)", code)) == set(files.read_yaml(ROOT / "dvc.yaml")["stages"])


def test_example_has_the_recipes_numbers_and_the_pipelines_images(example: dict[str, Any]) -> None:
    params, train = DEMO, DEMO.models["vgg"].train
    numbers = [example[name] for name in ("SEED", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE")]
    assert numbers == [*params.seeds, train.epochs, train.batch_size, train.optimizer.learning_rate]
    for found, expected in zip(example["read_digits"](), digits.decode([])["train"], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_example_has_the_recipes_learning_rates(example: dict[str, Any]) -> None:
    from pipeline.network import optimizers

    train = DEMO.models["vgg"].train
    plain, ours = example["one_cycle"](train.epochs * 34), optimizers.learning_rate(train, 34)
    assert [float(plain(batch)) for batch in range(170)] == [float(ours(batch)) for batch in range(170)]


def test_example_builds_the_pipelines_network(example: dict[str, Any]) -> None:
    from pipeline.network import building

    plain, ours = example["build"](), building.build(DEMO.models["vgg"], (28, 28, 1), 10, UNIT)
    assert plain.count_params() == ours.count_params()
    # the pipeline has activations apart where they follow a pool: the same values for a quarter of the work
    apart = ("InputLayer", "Activation", "Softmax")
    assert layers(plain) == [layer for layer in layers(ours) if layer[0] not in apart]
    plain.set_weights(ours.get_weights())
    images = digits.decode([])["train"][0][:50]
    np.testing.assert_allclose(plain.predict(images, verbose=0), ours.predict(images, verbose=0), atol=1e-6)


@pytest.mark.slow
def test_example_learns_the_digits() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.search(r"^test accuracy: (0\.\d+|1\.0+)$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    assert float(found[1]) >= DEMO.gate["every_model"].at_least["test"]["accuracy"]
