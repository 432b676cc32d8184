"""Requests that come together are computed together, in one thread beside the one that reads and answers."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pipeline.addons.registry.model import Model
from pipeline.addons.serve import reading

MOST = 512  # images of one batch: what comes meanwhile waits for less than a tenth of a second
QUEUE = 32 * 2**20  # bytes of images that may wait


class Batch:
    """Images of requests that found the same model in use, and where its probabilities of them go."""

    def __init__(self, model: Model) -> None:
        """Begin without images."""
        self.model, self.images, self.size = model, list[np.ndarray](), 0
        self.answer: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()


class Batcher:
    """Computes whatever waits as soon as the batch before it is done, so that nothing waits on an idle network."""

    def __init__(self, model: Model) -> None:
        """Begin with the `model` in use; give it another one to promote that."""
        self.model = model
        self.waiting, self._bytes = deque[Batch](), 0
        self._thread = ThreadPoolExecutor(1, "network")
        self._work: asyncio.Task[None] | None = None

    async def predict(self, model: Model, images: np.ndarray) -> np.ndarray:
        """Return a model's probabilities of images; raise `HTTPException` if too many wait."""
        if self.waiting and self._bytes + images.nbytes > QUEUE:
            raise reading.busy()
        batch = self.waiting[-1] if self.waiting else None
        if batch is None or batch.model is not model or batch.size + len(images) > MOST:
            self.waiting.append(batch := Batch(model))
        start, end = batch.size, batch.size + len(images)
        batch.images.append(images)
        batch.size, self._bytes = end, self._bytes + images.nbytes
        if self._work is None:
            self._work = asyncio.create_task(self._compute())
        return (await asyncio.shield(batch.answer))[start:end]  # who breaks off does not cancel the others' answer

    async def _compute(self) -> None:
        while self.waiting:
            batch = self.waiting.popleft()
            images = batch.images[0] if len(batch.images) == 1 else np.concatenate(batch.images)
            self._bytes -= images.nbytes
            loop = asyncio.get_running_loop()
            try:
                batch.answer.set_result(await loop.run_in_executor(self._thread, batch.model.predict, images))
            except Exception as error:  # whatever it is, those who wait must be told
                batch.answer.set_exception(error)
        self._work = None
