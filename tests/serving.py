"""The service in this process, with a stand-in for its model."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import numpy as np
import uvicorn

from pipeline.runs import ports
from pipeline.serving import app
from pipeline.serving.batching import Batcher
from pipeline.serving.connections import Connection

MIDDLE = np.s_[10:18, 10:18]


class Pointed:
    """Stands for a model: it tells whether the middle of an image is bright."""

    classes, shape, version, description = ["bright", "dark"], (28, 28, 1), "7", "shop version 7: vgg"
    about = {"classes": classes, "dataset": "shop", "version": "7", "model": "vgg", "fingerprint": "f" * 64}  # noqa: RUF012

    def predict(self, images: np.ndarray) -> np.ndarray:
        bright = images[(slice(None), *MIDDLE)].max(axis=(1, 2, 3)) > 99
        return np.where(bright[:, None], [[0.9, 0.1]], [[0.1, 0.9]]).astype(np.float32)


@contextmanager
def served(model: Any, **options: Any) -> Iterator[str]:
    """Serve a model, and yield where."""
    made: Any = app.make(Batcher(model), **options)
    server = uvicorn.Server(
        uvicorn.Config(made, host=ports.HOST, port=0, http=Connection, ws="none", log_level="error")
    )
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield "{}:{}".format(*server.servers[0].sockets[0].getsockname())
    server.should_exit = True
    thread.join()
