"""Scoring many pictures: ids, probabilities to the last bit, parts that survive kills, and what is refused."""

import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from PIL import Image
from ruamel.yaml import YAML

from benchmarks.servers import free_port
from pipeline.addons.registry import promotion
from pipeline.addons.score import command as score
from pipeline.addons.score import inputs, parts, scorer
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.models import Model
from pipeline.network import building, saving, training
from pipeline.tracking import paths
from tests.conftest import ROOT

CLASSES = ["Bag", "Coat", "Ankle boot"]
SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(3).integers(0, 256, (1_201, *SHAPE), np.uint8)
IDS = [str(index) for index in range(len(IMAGES))]
ONE_BATCH_A_PART = (
    "from pipeline.base import errors; from pipeline.addons.score import command, scorer; "
    "scorer.BATCHES = 1; errors.run(command.main)"
)


@pytest.fixture
def model(tmp_path: Path, raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Go to a folder with a small trained network and its data's description, where parts are of 500 images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(scorer, "BATCHES", 1)
    with Path("params.yaml").open("w") as file:
        YAML().dump(raw, file)
    files.write_json(paths.DATASET, {"class_names": CLASSES, "image_shape": SHAPE})
    return save_model(raw, seed=0)


def save_model(raw: dict[str, Any], seed: int, filters: int = 4) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    network = Model.model_validate({"blocks": [{"filters": [filters]}], "dense": [{"units": 8}], "train": raw["train"]})
    made = building.build(network, SHAPE, len(CLASSES), {"scale": [1 / 255], "offset": [0.0]})
    files.write_bytes(Path("models/baseline-42.keras"), saving.to_bytes(made))
    return made


def run(monkeypatch: pytest.MonkeyPatch, source: str, *more: str, out: str = "scores", name: str = "baseline") -> None:
    monkeypatch.setattr(sys, "argv", ["score", source, "--model", name, "--out", out, *more])
    score.main()


def png(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image[..., 0]).save(content, "png")
    return content.getvalue()


def write(images: np.ndarray = IMAGES) -> None:
    np.save("images.npy", images)


def scores(out: str = "scores") -> pd.DataFrame:
    """Read a folder of results as people do."""
    return pd.read_parquet(out)


def test_a_folder_is_scored_by_path_exactly_as_predict_does_and_what_is_no_picture_is_named(
    model: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(b"b/\xff.jpg")  # bytes that are no UTF-8
    for path, image in zip(["b/1.PNG", "a/x/2.png", "0.png"], IMAGES, strict=False):
        files.write_bytes(Path("pictures", path), png(image))
    for path in (".hidden/1.png", "a/.hidden.png", "notes.txt", odd, "b/empty.png"):
        files.write_bytes(Path("pictures", path), b"")
    Path("pictures/gone.png").symlink_to("nowhere")
    run(monkeypatch, "pictures")
    found = scores()
    assert found["id"].tolist() == ["0.png", "a/x/2.png", "b/1.PNG"]
    expected = training.predict(model, IMAGES[[2, 1, 0]])
    assert np.array_equal(np.stack(found["probabilities"].tolist()), expected)
    assert found["class"].tolist() == [CLASSES[index] for index in expected.argmax(axis=1)]
    assert found["probability"].tolist() == expected.max(axis=1).tolist()
    assert json.loads(pq.read_schema("scores/part-00000.parquet").metadata[b"class_names"]) == CLASSES
    bad = pd.read_csv("scores/_unreadable.csv")
    assert bad["id"].tolist() == ["b/empty.png", "b/\\xff.jpg", "gone.png"]
    assert all("cannot be read (" in reason for reason in bad["reason"])
    *_, told, last = capsys.readouterr().out.splitlines()
    assert told == "scores has the scores of 3 images"
    assert last == "pictures that cannot be read: 3 of 6, named in scores/_unreadable.csv"


def test_an_array_gives_the_probabilities_of_predict_to_the_last_bit_by_the_numbers_of_its_rows(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    run(monkeypatch, "images.npy")
    assert sorted(path.name for path in Path("scores").glob("*.parquet")) == [
        f"part-0000{number}.parquet" for number in range(3)
    ]
    found = scores()
    assert found["id"].tolist() == IDS
    assert np.array_equal(np.stack(found["probabilities"].tolist()), training.predict(model, IMAGES))


def test_only_missing_parts_are_scored_again(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    run(monkeypatch, "images.npy")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path("scores").glob("part*")}
    Path("scores/part-00001.parquet").unlink()
    run(monkeypatch, "images.npy")
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path("scores").glob("part*")}
    assert {path: content for path, (_, content) in after.items()} == {
        path: content for path, (_, content) in before.items()
    }
    assert [path.name for path in after if after[path][0] != before[path][0]] == ["part-00001.parquet"]


def test_the_champion_scores_by_its_name(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "champion", lambda dataset: (model, CLASSES, "its version"))
    write()
    run(monkeypatch, "images.npy", name="champion")
    run(monkeypatch, "images.npy", name="baseline")  # the same weights: nothing to do, nothing to refuse
    assert np.array_equal(np.stack(scores()["probabilities"].tolist()), training.predict(model, IMAGES))


def another_model(raw: dict[str, Any]) -> None:
    save_model(raw, seed=1)


def another_input(_: Any) -> None:
    write(IMAGES[::-1])


@pytest.mark.parametrize(("change", "what"), [(another_model, "model"), (another_input, "input")])
def test_results_of_something_else_are_neither_mixed_nor_overwritten(
    change: Callable[[dict[str, Any]], None],
    what: str,
    model: Any,
    raw: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write()
    run(monkeypatch, "images.npy")
    Path("scores/part-00001.parquet").unlink()
    before = {path: path.read_bytes() for path in Path("scores").iterdir()}
    change(raw)
    with pytest.raises(InputError, match=rf"^--out .*scores holds results of another {what}: name another folder"):
        run(monkeypatch, "images.npy")
    assert {path: path.read_bytes() for path in Path("scores").iterdir()} == before


@pytest.mark.parametrize(
    ("images", "held"),
    [
        (IMAGES[..., 0], r"uint8 of 1201 × 8 × 8:"),
        (IMAGES / 255, r"float64 of 1201 × 8 × 8 × 1:"),
        (IMAGES[:0], r"uint8 of 0 × 8 × 8 × 1:"),
    ],
)
def test_an_array_of_something_else_is_refused_in_a_line(
    images: np.ndarray, held: str, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(images)
    with pytest.raises(InputError, match=rf"^images\.npy holds {held} save uint8 of n × 8 × 8 × 1, as"):
        run(monkeypatch, "images.npy")
    assert not list(Path("scores").glob("part*"))


@pytest.mark.parametrize(
    ("source", "more", "message"),
    [
        ("nowhere", "", r"^nowhere is no folder and no \.npy file"),
        ("params.yaml", "", r"^params\.yaml is no folder and no \.npy file"),
        ("broken.npy", "", r"^broken\.npy is not a whole \.npy file \(.+\): write it anew$"),
        ("models", "", r"^models holds no PNG or JPEG file"),
        ("images.npy", "--out models", r"models holds baseline-42\.keras, which no scoring wrote: name an empty"),
        ("images.npy", "--out params.yaml", r"^--out .*params\.yaml is no folder"),
        ("images.npy", "--model baselin", r"baselin is unknown; did you mean baseline\?"),
        ("images.npy", "--model vgg", r"^models/vgg-42\.keras is missing"),
    ],
)
def test_bad_input_is_named(source: str, more: str, message: str, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    Path("broken.npy").write_bytes(Path("images.npy").read_bytes()[:-9])
    with pytest.raises(InputError, match=message):
        run(monkeypatch, source, *more.split())
    assert not list(Path().glob("*/part*"))


def test_a_command_killed_while_it_writes_its_note_is_gone_on_with(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException): ...

    def kill(*_: Any) -> None:
        raise KilledError

    write()
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", kill)
        killed.setattr(Path, "unlink", lambda *_, **__: None)  # no kill tidies up
        with pytest.raises(KilledError):
            run(monkeypatch, "images.npy")
    assert list(Path("scores").glob("._scoring.json.*.tmp"))
    run(monkeypatch, "images.npy")
    assert scores()["id"].tolist() == IDS


def test_a_second_command_is_kept_from_the_folder(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    Path("scores").mkdir()
    with (
        FileLock(Path("scores") / parts.LOCK),
        pytest.raises(InputError, match="is being written by another scoring"),
    ):
        run(monkeypatch, "images.npy")


@pytest.mark.parametrize(("shape", "count"), [((28, 28, 1), 10_000), ((224, 224, 3), 500), ((64, 64, 3), 5_000)])
def test_a_part_has_whole_batches_and_about_64_megabytes_at_most(shape: inputs.Shape, count: int) -> None:
    job = scorer.Job(inputs.Inputs(Path(), range(10**7 + 1), ""), shape, CLASSES, Path(), scorer.part_images(shape))
    assert job.part_images == count
    assert job.missing() == list(range(10**7 // count + 1))


def start(*more: str) -> subprocess.Popen[bytes]:
    """Start the command with parts of 500 images, as the leader of a process group."""
    command = [sys.executable, "-c", ONE_BATCH_A_PART, "images.npy", "--model", "baseline", "--out", "killed"]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*command, *more], env=variables, stderr=subprocess.PIPE, start_new_session=True)


def wait_for_parts(process: subprocess.Popen[bytes], count: int) -> None:
    while process.poll() is None and len(list(Path("killed").glob("part*"))) < count:
        time.sleep(0.005)
    assert process.poll() is None, process.communicate()


@pytest.fixture
def many(model: Any, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Write 15,000 images, 30 parts, score them undisturbed, and return the results."""
    write(np.tile(IMAGES[:1_000], (15, 1, 1, 1)))
    run(monkeypatch, "images.npy")
    return scores()


def assert_the_same(undisturbed: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(scores("killed"), undisturbed, check_exact=True)
    for path in Path("scores").glob("part*"):
        assert path.read_bytes() == Path("killed", path.name).read_bytes()
    assert not list(Path("killed").glob(".*"))


@pytest.mark.slow
def test_killed_three_times_nothing_is_scored_twice_or_lost(many: pd.DataFrame) -> None:
    chance, written = random.Random(1), dict[str, int]()
    for count in (1, 8, 20):
        process = start()
        wait_for_parts(process, count)
        time.sleep(chance.uniform(0, 0.05))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        now = {path.name: path.stat().st_mtime_ns for path in Path("killed").glob("part*")}
        assert len(written) < len(now) < 30
        assert now.items() >= written.items()  # none was written again
        written = now
    process = start()
    _, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, b"")
    assert {path.name: path.stat().st_mtime_ns for path in Path("killed").glob("part*")}.items() > written.items()
    assert_the_same(many)


@pytest.mark.slow
def test_by_ray_a_killed_actor_is_replaced_a_killed_command_resumed_and_every_byte_is_the_same(
    many: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="`make cluster` installs it")
    process = start("--at-once", "2")
    wait_for_parts(process, 2)
    descendants = psutil.Process(process.pid).children(recursive=True)
    actors = [child for child in descendants if "ray::Scorer" in child.name()]
    assert len(actors) == 2
    actors[0].kill()
    wait_for_parts(process, 10)
    process.kill()
    process.communicate()
    scorers = [child for child in descendants if child.is_running() and "ray::Scorer" in child.name()]
    assert not psutil.wait_procs(scorers, timeout=60)[1]  # they end with it; Ray's own take a minute more
    process = start("--at-once", "2")
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert_the_same(many)


@pytest.mark.slow
def test_a_cluster_that_ray_start_made_is_joined(many: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="`make cluster` installs it")
    port = free_port()
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
    ray += ["--num-cpus=2", "--include-dashboard=false", f"--temp-dir={tempfile.mkdtemp(prefix='ray')}"]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}  # as if started in the clone
    cluster = subprocess.Popen(ray, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not listening(port):
            assert cluster.poll() is None
            time.sleep(0.2)
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        process = start()
        _, stderr = process.communicate()
    finally:
        cluster.terminate()
        cluster.wait(60)
    assert process.returncode == 0, stderr
    assert_the_same(many)


def listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_without_ray_several_at_once_are_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.addons.find_spec", lambda name: None)
    write()
    with pytest.raises(InputError, match=r"^doing several things at once needs ray: run `make cluster`, which"):
        run(monkeypatch, "images.npy", "--at-once", "2")
