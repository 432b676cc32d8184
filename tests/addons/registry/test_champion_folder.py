"""What is promoted is brought to where the service takes it from, and the service follows."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from PIL import Image

from benchmarks.servers import free_port
from pipeline.addons.registry import command as registry
from pipeline.addons.registry import folder as version_folder
from pipeline.addons.registry.model import Model
from pipeline.addons.serve import command as serve
from pipeline.addons.serve.batching import Batcher
from pipeline.base.errors import InputError
from tests.conftest import ROOT
from tests.finished import CLASS_NAMES, IMAGES, Finished, network
from tests.serving import RAW, Pointed, get, send, send_raw

TOLD = {"classes": ["a", "b"], "dataset": "digits", "version": "1", "model": "vgg", "fingerprint": "f" * 64}
TOLD["description"] = "digits version 1: vgg"


def root() -> Path:
    return version_folder.root(Path.cwd(), "digits")


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["registry", *words])
    registry.main()


def test_what_is_promoted_can_be_served_at_once_and_after_a_rollback(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, skill in (("baseline", 45), ("vgg", 50)):
        finished.train(name, model := network(skill))
        command(monkeypatch, "promote", "--model", name)
        served = Model(serve.first(root()))
        assert (served.about["model"], served.classes, served.shape) == (name, CLASS_NAMES, (1, 1, 1))
        np.testing.assert_allclose(served.predict(IMAGES), model.predict(IMAGES, verbose=0), atol=1e-6)
    batcher = Batcher(served)
    serve.look(batcher, root())
    assert batcher.model is served
    command(monkeypatch, "rollback")
    serve.look(batcher, root())
    assert batcher.model.description == "digits version 1: baseline, test accuracy 0.9000"
    mlflow.MlflowClient().set_registered_model_alias("digits", "champion", "2")  # by hand, in MLflow's page
    command(monkeypatch, "fetch")
    serve.look(batcher, root())
    assert batcher.model.about["model"] == "vgg"
    assert capsys.readouterr().out.startswith("champion: digits version 1: baseline")


@pytest.mark.slow
def test_a_fetch_brings_what_is_not_there(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished.train("vgg", network(50))
    command(monkeypatch, "promote")
    shutil.rmtree(".champion")
    command(monkeypatch, "fetch")
    folder = version_folder.place(root(), "1", finished.fingerprint("vgg"))
    assert serve.first(root()) == folder
    assert capsys.readouterr().out.endswith(f"digits version 1: vgg, test accuracy 1.0000 is in {folder}\n")
    assert version_folder.whole(folder)
    (folder / "about.json").unlink()
    command(monkeypatch, "fetch")
    assert version_folder.whole(folder)


def test_without_a_champion_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"\.champion/digits has no champion: `python -m pipeline registry promote`"):
        serve.first(root())


def test_a_champion_that_cannot_be_served_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before: Any = Pointed()
    batcher = Batcher(before)
    version_folder.write(place := version_folder.place(root(), "2", "f" * 64), b"no network", TOLD)
    version_folder.point(root(), place)
    with pytest.raises(InputError, match="not a whole LiteRT file"):
        serve.look(batcher, root())
    assert batcher.model is before


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "cannot be read .*: name a folder with model.tflite and about.json"),
        ({"about.json": "[]", "model.tflite": ""}, "has not all of classes, dataset"),
        ({"about.json": "[" * 100_000, "model.tflite": ""}, "has not all of classes, dataset"),
        ({"about.json": json.dumps(TOLD)}, "model.tflite cannot be read"),
        ({"about.json": json.dumps(TOLD), "model.tflite": "no network"}, "not a whole LiteRT file"),
    ],
)
def test_a_folder_that_cannot_be_served_is_one_line(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        Model(tmp_path)


@pytest.fixture
def promoted(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> Finished:
    """Make a folder in which `baseline` was champion before `vgg`."""
    for name, skill in (("baseline", 45), ("vgg", 50)):
        finished.train(name, network(skill))
        command(monkeypatch, "promote", "--model", name)
    return finished


@pytest.fixture
def service(promoted: Finished) -> Iterator[str]:
    """Serve the folder's champion in a process of its own."""
    address, process = start(promoted.folder)
    yield address
    process.terminate()
    assert process.wait(20) == 0


def start(folder: Path, *words: str, **variables: str) -> tuple[str, subprocess.Popen[bytes]]:
    address = f"127.0.0.1:{(port := free_port())}"
    run = [sys.executable, "-X", "importtime", "-m", "pipeline", "serve", str(port), *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    with (folder / "serve.out").open("w") as out, (folder / "serve.err").open("w") as err:
        process = subprocess.Popen(run, cwd=folder, env=environment, stdout=out, stderr=err)
    for _ in range(3600):
        assert process.poll() is None, (folder / "serve.err").read_text()
        try:
            get(address, "/ping")
            return address, process
        except OSError:
            time.sleep(0.05)
    raise TimeoutError


@pytest.mark.slow
def test_a_promotion_and_a_rollback_are_in_use_within_five_seconds_and_lose_no_request(
    service: str, promoted: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {str(number): network(skill).predict(IMAGES, verbose=0) for number, skill in ((1, 45), (2, 50))}
    answers, ended = list[tuple[str, float]](), threading.Event()

    def keep_asking() -> None:
        import http.client

        connection = http.client.HTTPConnection(service)
        headers = {"Content-Type": RAW, "Shape": ",".join(map(str, IMAGES.shape))}
        while not ended.is_set():
            connection.request("POST", "/invocations", IMAGES.tobytes(), headers)
            answer = connection.getresponse()
            version, rows = answer.headers["Model-Version"], json.loads(answer.read())["predictions"]
            wrong = np.abs(np.array(rows) - wanted[version]).max()
            answers.append((version, float(wrong)))
        connection.close()

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in ("1", "2"):
        command(monkeypatch, "rollback")
        began = time.monotonic()
        while json.loads(get(service, "/classes")[1])["version"] != version:
            assert time.monotonic() - began < 5
            time.sleep(0.1)
    ended.set()
    for thread in threads:
        thread.join()
    assert {version for version, _ in answers} == {"1", "2"}
    assert max(wrong for _, wrong in answers) < 1e-6


@pytest.mark.slow
def test_the_process_that_answers_has_neither_tensorflow_nor_mlflow(service: str, promoted: Finished) -> None:
    assert send_raw(service, IMAGES)[0] == 200
    imported = {line.split("|")[-1].strip() for line in (promoted.folder / "serve.err").read_text().splitlines()}
    assert "ai_edge_litert.interpreter" in imported
    assert not {name.split(".")[0] for name in imported} & {"tensorflow", "keras", "mlflow", "pandas", "matplotlib"}


@pytest.mark.slow
def test_a_folder_is_served_without_params_and_registry(
    promoted: Finished, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (folder,) = (promoted.folder / ".champion/digits").glob("1-*")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    address, process = start(elsewhere, "--folder", str(folder), SERVE_TOKEN="open sesame")
    try:
        told = json.loads(get(address, "/classes", Authorization="Bearer open sesame")[1])
        assert (told["model"], get(address, "/classes")[0]) == ("baseline", 401)
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.slow
def test_what_is_being_answered_when_the_service_ends_is_answered(promoted: Finished) -> None:
    address, process = start(promoted.folder)
    images: Any = np.zeros((200_000, 1, 1, 1), np.uint8)
    answers = list[int]()
    asking = threading.Thread(target=lambda: answers.append(send_raw(address, images)[0]))
    asking.start()
    time.sleep(0.3)
    process.terminate()
    asking.join()
    assert answers == [200]
    assert process.wait(20) == 0


@pytest.mark.slow
def test_the_service_ends_within_ten_seconds_while_more_pictures_wait_than_can_be_decoded(promoted: Finished) -> None:
    picture = io.BytesIO()
    Image.new("RGBA", (4000, 4000)).save(picture, "PNG")
    address, process = start(promoted.folder)
    with ThreadPoolExecutor(160) as threads:
        asked = [threads.submit(send, address, picture.getvalue(), "image/png") for _ in range(160)]
        time.sleep(2)
        process.terminate()
        began = time.monotonic()
        assert process.wait(120) == 0
        assert time.monotonic() - began < 10
        assert any(one.exception() for one in asked)  # that many could not be answered any more
