import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from PIL import Image

from pipeline.addons.export import scoring, stage
from pipeline.addons.export import settings as exports
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.network import training
from tests import networks
from tests.conftest import ROOT

FORMATS = get_args(exports.ExportFormat)
EXACT = [name for name in FORMATS if name != "litert_int8"]
RANDOM_NETWORKS = int(os.environ.get("RANDOM_NETWORKS", "40"))
SHAPE = (9, 14, 3)
BLOCK = {"filters": [4, 4], "kernel_size": [3, 5], "strides": [1, 1], "batch_norm": "after_convolution"}
NETWORK: dict[str, Any] = {
    "blocks": [BLOCK | {"residual": True, "activation": ["gelu", "silu"], "dropout": [0.0, 0.5]}],
    "dense": [{"units": 6, "activation": "elu"}],
}
IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)
METADATA = {"class_names": '["Füße", "<b>\\"quoted\\""]', "model_md5": "0123"}


def skip_without_packages(kind: str) -> None:
    if kind == "onnx":
        pytest.importorskip("tf2onnx", reason="`make export` installs it")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return networks.built(NETWORK, SHAPE, 0, tmp_path_factory.mktemp("model"))


def export(kind: str, model: Any, folder: Path, images: np.ndarray = IMAGES) -> Any:
    """Write a network and load it with its own runtime."""
    file = folder / kind / stage.FILES[kind]
    files.write_bytes(file, stage.converted(kind, model, images, METADATA))
    return stage.opened(kind, file.read_bytes(), 1)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_answers_as_keras(kind: str, model: Any, tmp_path: Path) -> None:
    skip_without_packages(kind)
    network = export(kind, model, tmp_path)
    assert (network.image_shape, network.classes) == (SHAPE, networks.CLASSES)
    found, expected = network.predict(IMAGES), training.predict(model, IMAGES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5 if kind in EXACT else 0.1)
    np.testing.assert_allclose(network.predict(IMAGES[:1]), found[:1], atol=1e-6)  # a batch of another size
    np.testing.assert_array_equal(network.predict(IMAGES), found)


@pytest.mark.parametrize("kind", ["litert", "onnx"])
@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_a_broken_file_is_one_line(kind: str, content: bytes) -> None:
    skip_without_packages(kind)
    with pytest.raises(InputError, match=r"not a whole .*: export it again$") as caught:
        stage.opened(kind, content, 1)
    assert "\n" not in str(caught.value)


def test_litert_prints_nothing_and_needs_no_tensorflow(model: Any, tmp_path: Path) -> None:
    export("litert", model, tmp_path)
    code = (
        "import sys, numpy, pathlib; from pipeline.addons.runtimes.litert import Network; "
        "network = Network(pathlib.Path(sys.argv[1]).read_bytes()); "
        "print(network.predict(numpy.zeros((2, 9, 14, 3), 'uint8')).shape, 'tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "litert/model.tflite")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"(2, {networks.CLASSES}) False\n", "")


def test_a_network_with_a_layer_that_puts_out_nothing_is_refused_by_litert_int8_alone(tmp_path: Path) -> None:
    model = networks.built({"blocks": [], "dense": [{"units": 3, "activation": "relu"}]}, SHAPE, 0, tmp_path)
    model.get_layer("dense1").bias.assign([-1e6] * 3)
    export("litert", model, tmp_path)
    with pytest.raises(InputError, match=r"^the layer dense1 is zero for every image, .* from export.formats$"):
        export("litert_int8", model, tmp_path)


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.addons.find_spec", lambda name: None)
    stage.require_packages(["litert", "litert_int8"])
    with pytest.raises(InputError, match=r"^export\.formats: onnx needs onnx, tf2onnx, onnxruntime: run `make export`"):
        stage.require_packages(["litert", "onnx"])


def test_scores_compare_with_keras() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    of_keras = np.eye(2, dtype=np.float32)[[0, 0, 0, 0, 1]]
    assert scoring.scores(labels, of_keras, of_keras, 7) == {
        **{"accuracy": 1.0, "changed_classes": 0, "greatest_difference": 0.0, "bytes": 7}
    }
    other = np.eye(2, dtype=np.float32)[[1, 1, 1, 0, 1]]
    found = scoring.scores(labels, other, of_keras, 7)
    assert found == {**{"accuracy": 0.4, "changed_classes": 3, "greatest_difference": 1.0, "bytes": 7}}


def test_times_are_of_one_image_and_of_many() -> None:
    asked: dict[str, list[int]] = {"one": [], "many": []}

    def predict(threads: str, images: np.ndarray) -> np.ndarray:
        asked[threads].append(len(images))
        return np.zeros((len(images), 2), np.float32)

    one, many = partial(predict, "one"), partial(predict, "many")
    times = scoring.times(one, many, np.zeros((1100, 1, 1, 1), np.uint8))
    assert list(times) == ["seconds_per_image", "images_per_second"]
    assert asked == {"one": [1] * scoring.CALLS, "many": [scoring.BATCH] * 6}


def test_the_table_has_a_row_for_each_format() -> None:
    figures = {"accuracy": 0.5, "changed_classes": 0, "greatest_difference": 0.0, "bytes": 1234}
    figures |= {"seconds_per_image": 0.02, "images_per_second": 5000.0}
    text = scoring.as_markdown("vgg-42", {"keras": figures, "onnx": figures | {"changed_classes": 1200}})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    assert rows[1] == ["keras", "0.5000", "0", "0.0e+00", "1,234", "20.000", "5,000"]
    assert rows[2] == ["onnx", "0.5000", "1,200", "0.0e+00", "1,234", "20.000", "5,000"]
    assert processor.name() in text


@pytest.mark.parametrize("kind", EXACT)
def test_the_lines_of_the_documentation_tell_the_class(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_without_packages(kind)
    (lines,) = re.findall(
        rf"^```python\n# {kind}\n(.*?)^```$", (ROOT / "pipeline/addons/export/README.md").read_text(), re.M | re.S
    )
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28), np.uint8)
    model = networks.built({"blocks": [], "dense": []}, (28, 28, 1), 0, tmp_path)
    told = {"class_names": json.dumps([f"class {index}" for index in range(networks.CLASSES)])}
    content = stage.converted(kind, model, pixels[None, ..., None], told)
    files.write_bytes(tmp_path / "models/exported/vgg-42" / kind / stage.FILES[kind], content)
    Image.fromarray(pixels).save(tmp_path / "shoe.png")
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    expected = training.predict(model, pixels[None, ..., None]).argmax()
    assert capsys.readouterr().out == f"class {expected}\n"


WRITE = """
import hashlib, sys
from pathlib import Path
import numpy as np
from pipeline.addons.export import stage
from pipeline.network import saving
model = saving.load(Path(sys.argv[1]))
images = np.random.default_rng(0).integers(0, 256, (5, 9, 14, 3), np.uint8)
for kind in sys.argv[2:]:
    print(kind, hashlib.md5(stage.converted(kind, model, images, {"b": "1", "a": "2"})).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    networks.built(NETWORK, SHAPE, 0, tmp_path)
    for kind in FORMATS:
        skip_without_packages(kind)
    printed = {
        subprocess.run(
            [sys.executable, "-c", WRITE, str(tmp_path / "model.keras"), *FORMATS],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_random_networks_answer_as_keras_in_every_runtime(kind: str, tmp_path: Path) -> None:
    """RANDOM_NETWORKS=200 in the environment tries more."""
    skip_without_packages(kind)

    @settings(max_examples=RANDOM_NETWORKS, suppress_health_check=list(HealthCheck))
    @given(networks.networks())
    def answers_as_keras(drawn: tuple[dict[str, Any], tuple[int, int, int]]) -> None:
        description, shape = drawn
        model = networks.built(description, shape, 0, tmp_path)
        images = np.random.default_rng(0).integers(0, 256, (4, *shape), np.uint8)
        try:
            found = export(kind, model, tmp_path, images).predict(images)
        except InputError:  # of random weights, some make a layer that puts out nothing
            assume(kind != "litert_int8")
            raise
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=0.1)
        if kind in EXACT:  # random weights are no measure of what 8 bits cost
            np.testing.assert_allclose(found, model(images, training=False), atol=1e-5)

    answers_as_keras()
