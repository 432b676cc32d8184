import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from PIL import Image

from pipeline.addons.export import scoring, table
from pipeline.addons.export import settings as exports
from pipeline.addons.export.conversion import formats
from pipeline.base import files
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
    for package in formats.PACKAGES.get(kind, ()):
        pytest.importorskip(package, reason="`make export` installs it")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return networks.built(NETWORK, SHAPE, 0, tmp_path_factory.mktemp("model"))


def export(kind: str, model: Any, folder: Path, images: np.ndarray = IMAGES) -> formats.Network:
    """Write a network and load it with its own runtime."""
    for name, content in formats.converted(kind, model, images, METADATA).items():
        (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / kind / name).write_bytes(content)
    return formats.opened(kind, folder / kind, 1)


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


@pytest.mark.parametrize(
    ("kind", "file"),
    [("litert", "model.tflite"), ("onnx", "model.onnx"), ("openvino", "model.xml"), ("saved_model", "saved_model.pb")],
)
@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_a_broken_file_is_one_line(kind: str, file: str, content: bytes, tmp_path: Path) -> None:
    skip_without_packages(kind)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=r"not a whole .*: export it again$") as caught:
        formats.opened(kind, tmp_path, 1)
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
    formats.require_packages(["litert", "litert_int8", "saved_model"])
    with pytest.raises(InputError, match=r"^export\.formats: openvino needs openvino: run `make export`, which"):
        formats.require_packages(["litert", "openvino"])


def test_scores_compare_with_keras() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    of_keras = np.eye(2, dtype=np.float32)[[0, 0, 0, 0, 1]]
    assert scoring.scores(labels, of_keras, of_keras, 7) == {
        **{"accuracy": 1.0, "changed_classes": 0, "greatest_difference": 0.0, "p_value": 1.0, "bytes": 7}
    }
    other = np.eye(2, dtype=np.float32)[[1, 1, 1, 0, 1]]
    found = scoring.scores(labels, other, of_keras, 7)
    assert found == {  # three images to none: 2 × 1/8
        **{"accuracy": 0.4, "changed_classes": 3, "greatest_difference": 1.0, "p_value": 0.25, "bytes": 7}
    }
    assert tuple(found) == exports.FIGURES


def test_times_are_of_one_image_and_of_many() -> None:
    asked: list[int] = []

    class Slow:
        def __init__(self, threads: int) -> None:
            self.threads = threads

        def predict(self, images: np.ndarray) -> np.ndarray:
            asked.append(len(images))
            return np.zeros((len(images), 2), np.float32)

    times = scoring.times(Slow, np.zeros((1100, 1, 1, 1), np.uint8))  # type: ignore[arg-type]
    assert set(times) | set(scoring.times_of_tensorflow(Slow(1).predict, IMAGES)) == set(exports.TIMES)
    assert asked.count(1) == 2 * scoring.CALLS
    assert max(asked) == scoring.BATCH


def test_the_table_has_a_row_for_each_format() -> None:
    right = {"accuracy": 0.5, "changed_classes": 0, "greatest_difference": 0.0, "p_value": 1.0, "bytes": 1234}
    found = {"keras": right | {"seconds_per_image": 0.02}, "onnx": right | {"images_per_second_1": 5000.0}}
    text = table.as_markdown("vgg-42", found, "some processor")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    assert rows[1] == ["keras", "0.5000", "0", "0.0e+00", "1.00", "1,234", "20.000", "–", "–", "–"]
    assert rows[2] == ["onnx", "0.5000", "0", "0.0e+00", "1.00", "1,234", "–", "5,000", "–", "–"]
    assert "some processor" in text


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
    for name, content in formats.converted(kind, model, pixels[None, ..., None], told).items():
        files.write_bytes(tmp_path / "models/exported/vgg-42" / kind / name, content)
    Image.fromarray(pixels).save(tmp_path / "shoe.png")
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    expected = training.predict(model, pixels[None, ..., None]).argmax()
    assert capsys.readouterr().out == f"class {expected}\n"


def test_openvino_tells_nobody_of_conversions() -> None:
    pytest.importorskip("openvino", reason="`make export` installs it")
    from openvino.tools.ovc import telemetry_utils

    import pipeline.addons.export.conversion.openvino  # noqa: F401

    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


WRITE = """
import hashlib, sys
from pathlib import Path
import numpy as np
from pipeline.addons.export.conversion import formats
from pipeline.network import saving
model = saving.load(Path(sys.argv[1]))
images = np.random.default_rng(0).integers(0, 256, (5, 9, 14, 3), np.uint8)
for kind in sys.argv[2:]:
    for name, content in formats.converted(kind, model, images, {"b": "1", "a": "2"}).items():
        print(kind, name, hashlib.md5(content).hexdigest())
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
        assume(kind != "openvino" or not any(b["residual"] and b["filters"][-1] == 1 for b in description["blocks"]))
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
