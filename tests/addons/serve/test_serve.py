"""The real server, sent what it should not be; and the check before it, by itself."""

import http.client
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.servers import free_port
from pipeline.addons.ports import ports
from pipeline.addons.registry import promotion
from pipeline.addons.serve import bodies, reading
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.network import building
from tests.conftest import ROOT
from tests.finished import Finished
from tests.serving import served

DOCS = ROOT / "pipeline/addons/serve/README.md"
SHAPE = (28, 28, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
GOOD = json.dumps({"inputs": IMAGES.tolist()}).encode()
BAD_PIXELS = [
    "256",
    "-1",
    "1.5",
    "7.0",
    '"7"',
    "true",
    "null",
    "{}",
    "[1]",
    "NaN",
    "-Infinity",
    "1e400",
    "1" + "0" * 30,
]
NO_IMAGES = "inputs is no list of images of 28 × 28 × 1"
DEEP = b"[" * 100_000 + b"]" * 100_000


def with_pixel(pixel: str, index: int = 0) -> bytes:
    """Return a request with that JSON in place of one pixel of one image."""
    pixels: Any = IMAGES[:1].astype(object)
    pixels.reshape(-1)[index] = "here"
    return json.dumps({"inputs": pixels.tolist()}).replace('"here"', pixel).encode()


@pytest.mark.parametrize("pixel", BAD_PIXELS)
def test_a_pixel_is_an_integer_from_0_to_255(pixel: str) -> None:
    said = r"inputs holds .*: a pixel is an integer from 0 to 255|inputs is no list of images|the body is not JSON"
    with pytest.raises(InputError, match=said):
        bodies.from_json(with_pixel(pixel), SHAPE)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is not JSON"),
        (b'{"inputs": "\xff"}', "the body is not JSON"),
        (GOOD[:-1], "the body is not JSON"),
        (DEEP, "the body is not JSON"),
        (with_pixel("1" + "0" * 5000), "the body is not JSON"),
        (b"[]", 'the body is not {"inputs": [image, ...]}'),
        (b'{"pixels": []}', 'the body is not {"inputs": [image, ...]}'),
        (GOOD[:-1] + b', "params": {}}', "without any other key"),
        (b'{"inputs": []}', NO_IMAGES),
        (with_pixel("", index=783), NO_IMAGES),
        (json.dumps({"inputs": IMAGES[0].tolist()}).encode(), NO_IMAGES),
        (json.dumps({"inputs": [IMAGES[0].tolist(), *[0] * 2_000_000]}).encode(), NO_IMAGES),
        (json.dumps({"inputs": (IMAGES / 255).tolist()}).encode(), "a pixel is an integer from 0 to 255, not scaled"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(body: bytes, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        bodies.from_json(body, SHAPE)
    assert said in str(refusal.value)


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")])
@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 1), (2, 3, 3)])
def test_good_images_are_read(separators: tuple[str, str], shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, *shape), np.uint8)
    body = json.dumps({"inputs": images.tolist()}, separators=separators).encode()
    np.testing.assert_array_equal(bodies.from_json(body, shape), images)


ABOUT = {
    "classes": ["Bag", "Café", "Ankle boot"],
    "dataset": "shop",
    "version": "7",
    "model": "vgg",
    "fingerprint": "f" * 64,
}


class AlwaysAnkleBoots:
    """Stands for a model: answers each image with the same probabilities."""

    about, version, classes, shape = ABOUT, ABOUT["version"], ABOUT["classes"], SHAPE

    def predict(self, images: np.ndarray) -> np.ndarray:
        return np.tile(np.array([0.125, 0.25, 0.625], np.float32), (len(images), 1))


@pytest.fixture
def address() -> Iterator[str]:
    """Serve a stand-in in this process, and return where."""
    with served(AlwaysAnkleBoots()) as where:
        yield where


def ask(address: str, method: str, path: str, body: Any = None) -> tuple[int, str | None, Any]:
    """Return the status, the version and the content of an answer."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, answer.headers["Model-Version"], content


def test_classes_and_version_are_told(address: str) -> None:
    assert ask(address, "GET", "/classes") == (200, "7", ABOUT)


def test_answers_name_the_version_and_are_mlflows_own(address: str) -> None:
    assert ask(address, "POST", "/invocations", GOOD) == (200, "7", {"predictions": [[0.125, 0.25, 0.625]] * 3})
    assert ask(address, "POST", "/invocations", b"{")[:2] == (400, "7")


def test_4_mib_are_scored_and_a_byte_more_is_not(address: str) -> None:
    body = GOOD + b" " * (4 * 2**20 - len(GOOD))
    assert ask(address, "POST", "/invocations", body)[0] == 200
    refused = {"error": "the body is over 4,194,304 bytes: send fewer images at a time"}
    assert ask(address, "POST", "/invocations", body + b" ") == (413, "7", refused)
    assert ask(address, "POST", "/invocations", iter([body, b" "])) == (413, "7", refused)


def test_the_example_of_the_docs_names_classes_and_version(address: str, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    (example,) = re.findall(r"^```python\n(import json\n.+?)^```$", DOCS.read_text(), re.M | re.S)
    for written, here in (("127.0.0.1:5001", address), ("data/prepared/test/images.npy", f"{tmp_path}/images.npy")):
        assert written in example
        example = example.replace(written, here)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("version 7: Ankle boot 0.62\n" * 2, "")


class Server:
    """The server in a process of its own, on a free port, and the model behind it."""

    def __init__(self, folder: Path, model: Any) -> None:
        with socket.socket() as free:
            free.bind((ports.HOST, 0))
            self.port = free.getsockname()[1]
        self.model, self.log = model, folder / "server.log"
        env = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/runs.db"}
        command = [sys.executable, "-m", "pipeline", "serve", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until it answers."""
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()
            try:
                assert self.send(b"", method="GET", path="/ping")[0] == 200
                return
            except ConnectionRefusedError:
                time.sleep(0.2)
        raise TimeoutError(self.log.read_text())

    def send(
        self,
        body: Any,
        kind: str | None = "application/json",
        method: str = "POST",
        path: str = "/invocations",
        **more: Any,
    ) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the answer."""
        connection = http.client.HTTPConnection(ports.HOST, self.port, timeout=60)
        try:
            connection.request(method, path, body, {} if kind is None else {"Content-Type": kind}, **more)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def require_good(self) -> None:
        """Assert that good images are answered with the model's numbers."""
        status, answer = self.send(GOOD)
        assert status == 200
        given = np.array(json.loads(answer)["predictions"], np.float32)
        np.testing.assert_allclose(given, self.model.predict(IMAGES, verbose=0), atol=1e-5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    finished = Finished(folder, IMAGES, np.zeros(3, int))
    demo = loading.load(folder / "params.yaml")
    model = building.build(demo.models["baseline"], SHAPE, 10, {"scale": [1 / 255], "offset": [0.0]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/runs.db")
        patch.chdir(folder)
        finished.train("baseline", model)
        promotion.promote(demo, "baseline", force=True)
        promotion.fetch("digits")
    for gone in ("data", "models"):
        shutil.rmtree(folder / gone)  # .champion/ is enough
    started = Server(folder, model)
    try:
        started.wait()
        yield started
    finally:
        started.process.terminate()
        started.process.wait()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["inputs", "instances", "x"]), inner),
    max_leaves=20,
)
SHAPES = st.lists(st.integers(0, 29), max_size=5).filter(lambda shape: tuple(shape[1:]) != SHAPE)
SEVERAL = settings(max_examples=150)


@pytest.mark.slow
@SEVERAL
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_and_any_json_get_a_400(server: Server, body: bytes) -> None:
    assert server.send(body)[0] == 400


@pytest.mark.slow
@SEVERAL
@given(value=JSON, key=st.sampled_from(["inputs", "instances", "dataframe_split", "dataframe_records", "messages"]))
def test_any_json_under_a_known_key_gets_a_400(server: Server, value: Any, key: str) -> None:
    assert server.send(json.dumps({key: value}))[0] == 400


@pytest.mark.slow
@settings(max_examples=60)
@given(shape=SHAPES.filter(lambda shape: np.prod(shape) < 50_000))
def test_any_other_shape_gets_a_400(server: Server, shape: list[int]) -> None:
    assert server.send(json.dumps({"inputs": np.zeros(shape, int).tolist()}))[0] == 400


@pytest.mark.slow
@SEVERAL
@given(
    pixel=st.sampled_from([*BAD_PIXELS, "1" + "0" * 5000, "Infinity", "[]", '"a"', "0x1", ""])
    | st.integers().filter(lambda value: not 0 <= value <= 255).map(str)
    | st.floats().map(json.dumps),
    index=st.integers(0, 783),
)
def test_any_bad_pixel_gets_a_400(server: Server, pixel: str, index: int) -> None:
    assert server.send(with_pixel(pixel, index))[0] == 400


@pytest.mark.slow
@settings(max_examples=60)
@given(kind=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_any_other_content_type_gets_a_415(server: Server, kind: str | None) -> None:
    assert server.send(GOOD, kind)[0] == 415


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text/csv", "application/vnd.apache.parquet", "application/json; charset=latin-1"])
def test_mlflows_other_formats_get_a_415(server: Server, kind: str) -> None:
    assert server.send(GOOD, kind)[0] == 415


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *((method, "/invocations", 405) for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD")),
        *(
            (method, path, 404)
            for method in ("GET", "POST")
            for path in ("/nowhere", "//invocations", "/../etc/passwd")
        ),
        ("BREW", "/invocations", 400),
        ("POST", "/", 405),
        ("POST", "/ping", 405),
    ],
)
def test_other_methods_and_paths_get_a_4xx(server: Server, method: str, path: str, status: int) -> None:
    assert server.send(GOOD, method=method, path=path)[0] == status


@pytest.mark.slow
def test_huge_bodies_get_a_413_however_they_are_sent(server: Server) -> None:
    mebibyte = b'{"inputs": [' + b"0," * 524_282
    assert server.send(mebibyte * 64)[0] == 413
    assert server.send(iter([mebibyte] * 64), encode_chunked=True)[0] == 413
    assert server.send(GOOD + b" " * (reading.LIMIT - len(GOOD)))[0] == 200
    assert server.send(GOOD + b" " * (reading.LIMIT - len(GOOD) + 1))[0] == 413
    assert server.send(b'{"inputs": ' + DEEP + b"}")[0] == 400


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\nContent-Type: application/json\r\n\r\n{",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /invoca",
    ],
)
def test_a_client_that_breaks_off_is_forgotten(server: Server, sent: bytes) -> None:
    with socket.create_connection((ports.HOST, server.port)) as client:
        client.sendall(sent)
    server.require_good()


@pytest.mark.slow
def test_good_requests_at_once_are_each_answered_with_the_models_numbers(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(server.require_good) for _ in range(32)]:
            done.result()


@pytest.mark.slow
def test_ten_thousand_connections_are_survived_in_bounded_memory(server: Server) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[1], 20_000), limits[1]))
    process, clients = psutil.Process(server.process.pid), list[socket.socket]()
    before = process.memory_info().rss
    try:
        for _ in range(min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)):
            clients.append(socket.create_connection((ports.HOST, server.port), timeout=30))
        assert clients[-1].recv(99).startswith(b"HTTP/1.1 503 ")
        assert process.memory_info().rss - before < 100 * 2**20
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    time.sleep(1)
    server.require_good()


@pytest.mark.slow
def test_4_mib_from_each_of_990_clients_at_once_are_each_answered_in_bounded_memory(server: Server) -> None:
    process, most, ended = psutil.Process(server.process.pid), [0], Event()
    before, body = process.memory_info().rss, GOOD + b" " * (reading.LIMIT - len(GOOD))

    def watch() -> None:
        while not ended.wait(0.02):
            most.append(process.memory_info().rss)

    watching = Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(990) as threads:
        statuses = [one.result()[0] for one in [threads.submit(server.send, body) for _ in range(990)]]
    ended.set()
    watching.join()
    assert set(statuses) <= {200, 408, 503}
    assert max(most) - before < 180 * 2**20


@pytest.mark.slow
def test_the_champions_classes_and_version_are_told(server: Server) -> None:
    status, answer = server.send(b"", method="GET", path="/classes")
    told = json.loads(answer)
    assert (status, len(told["classes"]), told["dataset"], told["version"], told["model"]) == (
        *(200, 10, "digits", "1", "baseline"),
    )


@pytest.mark.slow
def test_after_all_that_the_server_is_up_and_has_complained_of_nothing(server: Server) -> None:
    server.require_good()
    assert server.process.poll() is None
    log = server.log.read_text()
    assert "serving digits version 1: baseline" in log
    assert "Traceback" not in log
    assert " 500 " not in log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["five"], "error: five is no port, a number from 1 to 65535: name another, as in `make serve PORT=8080`\n"),
        ([str(free_port())], ".champion/digits has no champion: `python -m pipeline registry promote` makes one"),
    ],
    ids=["no port", "no champion"],
)
def test_what_cannot_be_served_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    shutil.copy(ROOT / "recipes/demo.yaml", tmp_path / "params.yaml")
    env = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/runs.db"}
    command = [sys.executable, "-m", "pipeline", "serve", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
