"""The service in this process, with a stand-in for its model, and how it is asked."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import uvicorn

from pipeline.addons.ports import ports
from pipeline.addons.serve import app
from pipeline.addons.serve.batching import Batcher
from pipeline.addons.serve.connections import Connection

MIDDLE = np.s_[10:18, 10:18]
SHAPE = (28, 28, 1)
RAW = "application/octet-stream"
BRIGHT, DARK = np.full((1, *SHAPE), 255, np.uint8), np.zeros((1, *SHAPE), np.uint8)
ROWS = {"bright": [0.9, 0.1], "dark": [0.1, 0.9]}


class Pointed:
    """Stands for a model: it tells whether the middle of an image is bright."""

    classes, shape, version, description = [*ROWS], SHAPE, "7", "shop version 7: vgg"
    place = Path("shop/7-ffffffffffff")
    about = {"classes": classes, "dataset": "shop", "version": "7", "model": "vgg", "fingerprint": "f" * 64}  # noqa: RUF012

    def predict(self, images: np.ndarray) -> np.ndarray:
        bright = images[(slice(None), *MIDDLE)].max(axis=(1, 2, 3)) > 99
        return np.where(bright[:, None], [[0.9, 0.1]], [[0.1, 0.9]]).astype(np.float32)


class Slow(Pointed):
    """A stand-in that notes how many images it gets at once, and takes its time until it is let go."""

    def __init__(self) -> None:
        self.sizes, self.go = list[int](), Event()

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.sizes.append(len(images))
        self.go.wait(10)
        return super().predict(images)


@contextmanager
def served(model: Any, **options: Any) -> Iterator[str]:
    """Serve a model, and yield where."""
    made: Any = app.make(Batcher(model), **options)
    server = uvicorn.Server(
        uvicorn.Config(made, host=ports.HOST, port=0, http=Connection, ws="none", lifespan="off", log_level="error")
    )
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield "{}:{}".format(*server.servers[0].sockets[0].getsockname())
    server.should_exit = True
    thread.join()


def send(address: str, body: Any, kind: str | None, path: str = "/invocations", **headers: str) -> tuple[int, Any]:
    """Post a body, and return the status and the JSON of the answer."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("POST", path, body, headers | ({"Content-Type": kind} if kind else {}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def send_raw(address: str, images: np.ndarray, path: str = "/invocations") -> tuple[int, Any]:
    """Post images as raw bytes, and return the status and the JSON of the answer."""
    return send(address, images.tobytes(), RAW, path, Shape=",".join(map(str, images.shape)))


def get(address: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Get a path, and return the status and the body of the answer."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def connect(address: str) -> socket.socket:
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def require_good(address: str) -> None:
    body = json.dumps({"inputs": np.concatenate([BRIGHT, DARK]).tolist()})
    status, answer = send(address, body, "application/json")
    assert status == 200
    np.testing.assert_allclose(answer["predictions"], [ROWS["bright"], ROWS["dark"]], rtol=1e-6)
