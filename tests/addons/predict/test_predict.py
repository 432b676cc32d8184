import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from pipeline.addons.predict import command as predict
from pipeline.addons.predict import trained
from pipeline.addons.registry import folder, promotion
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.models import Model
from pipeline.network import building, saving
from pipeline.tracking import lock, paths
from tests.conftest import ROOT

CLASSES = ["Bag", "Coat", "Ankle boot"]
RUN = "import runpy; runpy.run_module('pipeline', run_name='__main__', alter_sys=True)"
IMAGES = np.random.default_rng(3).integers(0, 256, (14, 28, 28, 1), np.uint8)


@pytest.fixture
def workspace(tmp_path: Path, raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with params.yaml, three classes, and test images as pictures, without a model."""
    monkeypatch.chdir(tmp_path)
    write_params(raw)
    files.write_json(paths.DATASET, {"class_names": CLASSES, "image_shape": [28, 28, 1]})
    Path("pictures").mkdir()
    for index, image in enumerate(IMAGES[:3]):
        Image.fromarray(image[..., 0]).save(f"pictures/{index}.png")
    return tmp_path


@pytest.fixture
def model(workspace: Path, raw: dict[str, Any]) -> Any:
    """Put a tiny network at the baseline's place."""
    return save_model(raw, len(CLASSES))


def write_params(raw: dict[str, Any]) -> None:
    with Path("params.yaml").open("w") as file:
        YAML().dump(raw, file)


def save_model(raw: dict[str, Any], classes: int) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    network = Model.model_validate({"blocks": [{"filters": [4]}], "dense": [{"units": 8}], "train": raw["train"]})
    made = building.build(network, (28, 28, 1), classes, {"scale": [1 / 255], "offset": [0.0]})
    files.write_bytes(Path("models/baseline-42.keras"), saving.to_bytes(made))
    return made


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["predict", *arguments])
    predict.main()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, in the current folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_test_image_saved_as_png_is_predicted_exactly_as_its_array(
    model: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.network import training

    run(monkeypatch, "pictures", "--model", "baseline", "--json")
    told = json.loads(capsys.readouterr().out)
    expected = training.predict(model, IMAGES[:3])
    assert [entry["image"] for entry in told] == ["pictures/0.png", "pictures/1.png", "pictures/2.png"]
    assert [list(entry["probabilities"]) for entry in told] == [CLASSES] * 3
    assert np.array_equal([list(entry["probabilities"].values()) for entry in told], expected)
    assert [entry["class"] for entry in told] == [CLASSES[index] for index in expected.argmax(axis=1)]
    assert [entry["probability"] for entry in told] == expected.max(axis=1).tolist()


def test_one_image_gets_a_line_for_each_class() -> None:
    table = predict.as_table(["boot.png"], np.array([[0.25, 0.0625, 0.6875]]), CLASSES)
    assert table.splitlines() == [
        "boot.png",
        "",
        "class         probability",
        "Ankle boot         0.6875",
        "Bag                0.2500",
        "Coat               0.0625",
    ]


def test_several_images_get_a_line_each() -> None:
    table = predict.as_table(["boot.png", "a.png"], np.array([[0.25, 0.0625, 0.6875], [0.875, 0.125, 0]]), CLASSES)
    assert table.splitlines() == [
        "image     class         probability  runner-up      probability",
        "boot.png  Ankle boot         0.6875  Bag                 0.2500",
        "a.png     Bag                0.8750  Coat                0.1250",
    ]


def test_invert_swaps_black_and_white(
    model: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(255 - IMAGES[0, ..., 0]).save("negative.png")
    run(monkeypatch, "pictures/0.png", "--json", "--model", "baseline")
    upright = json.loads(capsys.readouterr().out)[0]["probabilities"]
    run(monkeypatch, "negative.png", "--invert", "--json", "--model", "baseline")
    assert json.loads(capsys.readouterr().out)[0]["probabilities"] == upright


def test_without_a_name_the_champion_answers(
    model: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(promotion, "champion", lambda dataset: (model, [*CLASSES[:-1], dataset], "its version"))
    run(monkeypatch, "pictures/0.png", "--json")
    (entry,) = json.loads(capsys.readouterr().out)
    assert list(entry["probabilities"]) == [*CLASSES[:-1], "fashion_mnist"]
    expected = model.predict(IMAGES[:1], verbose=0)[0]
    assert list(entry["probabilities"].values()) == pytest.approx(expected.tolist())


def test_the_champion_that_is_here_answers_without_tensorflow_and_a_damaged_one_is_refused(model: Any) -> None:
    from pipeline.addons.export.litert import to_litert

    about = {"classes": CLASSES, "dataset": "fashion_mnist", "version": "1", "model": "baseline", "fingerprint": "f"}
    place = folder.place(root := folder.root(Path.cwd(), "fashion_mnist"), "1", "f")
    folder.write(place, to_litert(model), about | {"description": "fashion_mnist version 1: baseline"})
    folder.point(root, place)
    code = f"""import sys
for name in ("tensorflow", "keras", "mlflow"):
    sys.modules[name] = None  # an import of it fails
{RUN}"""
    done = command("-c", code, "predict", "pictures", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answers = [list(entry["probabilities"].values()) for entry in json.loads(done.stdout)]
    np.testing.assert_allclose(answers, model.predict(IMAGES[:3], verbose=0), atol=1e-5)

    (place / folder.NETWORK).write_bytes(b"other")
    done = command("-c", code, "predict", "pictures", "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "is damaged: its files are not those of SHA256SUMS" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "nosuch.png --model baseline",
            r"^nosuch\.png cannot be read \(No such file or directory\): name another file or",
        ),
        ("params.yaml --model baseline", r"^params\.yaml cannot be read \(neither PNG nor JPEG"),
        ("pictures --model baselin", r"baselin is unknown; did you mean baseline\?"),
        ("pictures --model vgg", r"^models/vgg-42\.keras is missing: `dvc repro` makes it$"),
    ],
)
def test_bad_input_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str) -> None:
    Path("models").mkdir()
    Path("models/baseline-42.keras").touch()
    with pytest.raises(InputError, match=message):
        run(monkeypatch, *arguments.split())


def test_missing_dataset_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_bytes(Path("models/baseline-42.keras"), b"")
    paths.DATASET.unlink()
    with pytest.raises(InputError, match=r"^data/prepared/dataset\.json is missing: `dvc repro` makes it$"):
        run(monkeypatch, "pictures", "--model", "baseline")


def test_model_trained_on_another_dataset_is_refused(workspace: Path) -> None:
    files.write_bytes(Path("models/baseline-42.keras"), b"")
    deps = [{"path": "data/prepared/dataset.json", "md5": hashlib.md5(paths.DATASET.read_bytes()).hexdigest()}]
    files.write_json(lock.LOCK, {"stages": {"train@baseline-42": {"cmd": "train", "deps": deps}}})
    assert trained.on_disk("baseline").classes == CLASSES
    files.write_json(paths.DATASET, {"class_names": ["0", "1", "2"], "image_shape": [28, 28, 1]})
    with pytest.raises(
        InputError, match=r"models/baseline-42\.keras was trained on other data than data/prepared/dataset"
    ):
        trained.on_disk("baseline")


def test_model_of_other_classes_than_the_dataset_is_refused(
    workspace: Path, raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(raw, 5)
    with pytest.raises(InputError, match=r"baseline-42\.keras takes images of 28 × 28 × 1 and knows 5 classes, not as"):
        run(monkeypatch, "pictures", "--model", "baseline")


def test_bad_pictures_alone_are_refused_before_tensorflow_is_imported(workspace: Path) -> None:
    files.write_bytes(Path("models/baseline-42.keras"), b"")
    for index in range(3):
        Path(f"pictures/{index}.png").unlink()
    Path("pictures/3.png").write_text("hello\n")
    code = (  # not -X importtime: its lines are held back with all that TensorFlow prints
        "import atexit, sys; slow = {'tensorflow', 'keras', 'mlflow', 'sklearn', 'matplotlib'}; "
        "atexit.register(lambda: print(sorted(slow & set(sys.modules)))); "
        f"{RUN}"
    )
    done = command("-c", code, "predict", "pictures", "--model", "baseline")
    assert (done.returncode, done.stdout) == (2, "[]\n")
    assert done.stderr == (
        "error: pictures/3.png cannot be read (neither PNG nor JPEG, or damaged at its beginning): "
        "give a whole PNG or JPEG picture\n"
    )


def test_bad_pictures_are_named_and_the_others_told(
    model: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pictures/0.png").write_text("hello\n")
    Path("pictures/2.png").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        run(monkeypatch, "pictures", "--model", "baseline", "--json")
    (told,) = json.loads(capsys.readouterr().out)
    assert told["image"] == "pictures/1.png"
    assert list(told["probabilities"].values()) == pytest.approx(model.predict(IMAGES[1:2], verbose=0)[0].tolist())
    lines = [line.partition(" cannot be read (")[0] for line in str(caught.value).splitlines()]
    assert lines == ["pictures/0.png", "error: pictures/2.png"]


@pytest.mark.parametrize("arguments", [[], ["pictures", "--modle", "baseline"]])
def test_misuse_exits_with_2(workspace: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, *arguments)
    assert caught.value.code == 2


def test_nothing_but_the_result_is_printed(model: Any) -> None:
    name = os.fsdecode(b"pictures/\xff.png")  # bytes that are no UTF-8
    Path("pictures/2.png").rename(name)
    done = command("-m", "pipeline", "predict", "pictures", "--model", "baseline")
    assert (done.returncode, done.stderr) == (0, "")
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["image", "class", "probability", "runner-up", "probability"]
    assert [line.split()[0] for line in lines] == ["pictures/0.png", "pictures/1.png", r"pictures/\udcff.png"]


def test_folder_is_its_pictures_sorted_and_a_file_is_itself(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpeg", "c.jpg", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "deeper.png").touch()
    assert [path.name for path in predict.pictures_at(tmp_path)] == ["a.jpeg", "b.PNG", "c.jpg"]
    assert predict.pictures_at(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_places_without_a_picture_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nosuch\.png cannot be read \(No such file or directory\): name"):
        predict.pictures_at(tmp_path / "nosuch.png")
    with pytest.raises(InputError, match="holds no PNG or JPEG file"):
        predict.pictures_at(tmp_path)
    with pytest.raises(InputError, match=r"/dev/null cannot be read \(Not a directory\)"):
        predict.pictures_at(Path("/dev/null"))
    with pytest.raises(InputError, match=r"File name too long"):
        predict.pictures_at(tmp_path / ("x" * 300))
