"""Requests that come together are computed together, in one thread beside the one that reads and answers."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from pipeline.addons.serve import metrics, reading
from pipeline.addons.serve.model import Model

MOST = 512  # images of one batch: what comes meanwhile waits for less than a tenth of a second
QUEUE = 32 * 2**20  # bytes of images that may wait


class Waiting(NamedTuple):
    """Images of one request, the model that it found in use, and where the answer goes."""

    model: Model
    images: np.ndarray
    answer: "asyncio.Future[np.ndarray]"


class Batcher:
    """Computes whatever waits as soon as the batch before it is done, so that nothing waits on an idle network."""

    def __init__(self, model: Model) -> None:
        """Begin with the `model` in use; give it another one to promote that."""
        self.model = model
        self._waiting, self._bytes = deque[Waiting](), 0
        self._thread = ThreadPoolExecutor(1, "network")
        self._work: asyncio.Task[None] | None = None

    async def predict(self, model: Model, images: np.ndarray) -> np.ndarray:
        """Return a model's probabilities of images; raise `Refusal` if too many wait."""
        if self._waiting and self._bytes + images.nbytes > QUEUE:
            raise reading.busy()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[np.ndarray] = loop.create_future()
        self._waiting.append(Waiting(model, images, answer))
        self._bytes += images.nbytes
        metrics.waiting.set(len(self._waiting))
        if self._work is None:
            self._work = loop.create_task(self._compute())
        return await answer

    async def _compute(self) -> None:
        while self._waiting:
            batch = self._next()
            metrics.waiting.set(len(self._waiting))
            images = batch[0].images if len(batch) == 1 else np.concatenate([one.images for one in batch])
            computing = asyncio.get_running_loop().run_in_executor(self._thread, batch[0].model.predict, images)
            try:
                rows = np.split(await computing, np.cumsum([len(one.images) for one in batch])[:-1])
            except Exception as error:  # whatever it is, those who wait must be told
                for one in batch:
                    if not one.answer.done():
                        one.answer.set_exception(error)
                continue
            for one, probabilities in zip(batch, rows, strict=True):
                if not one.answer.done():  # a client that broke off has cancelled it
                    one.answer.set_result(probabilities)
        self._work = None

    def _next(self) -> list[Waiting]:
        """Take the first that waits, and those behind it for the same model, up to `MOST` images."""
        batch = [self._waiting.popleft()]
        images = len(batch[0].images)
        while (
            self._waiting and self._waiting[0].model is batch[0].model and images + len(self._waiting[0].images) <= MOST
        ):
            batch.append(self._waiting.popleft())
            images += len(batch[-1].images)
        self._bytes -= sum(one.images.nbytes for one in batch)
        return batch
