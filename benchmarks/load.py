"""Clients that ask as fast as they are answered, in a process of their own."""

import asyncio
import re
import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np


class Load(NamedTuple):
    """What clients saw: answers a second, and milliseconds at the median and at the 99th of a hundred."""

    rate: float
    median: float
    slow: float


def ask(port: int, request: bytes, clients: int, seconds: float) -> Load:
    """Send a request again and again from several clients; raise `AssertionError` at any answer but 200."""
    return asyncio.run(_ask(port, request, clients, seconds))


def request(path: str, body: bytes, kind: str, **headers: str) -> bytes:
    """Return a whole HTTP request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{key}: {value}" for key, value in headers.items()), "", ""]).encode() + body


async def _ask(port: int, request: bytes, clients: int, seconds: float) -> Load:
    times: list[float] = []
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    made = [Client(request, began + seconds, times) for _ in range(clients)]
    await asyncio.gather(
        *(loop.create_connection(partial(lambda one: one, client), "127.0.0.1", port) for client in made)
    )
    await asyncio.gather(*(client.done for client in made))
    took = time.perf_counter() - began
    median, slow = np.percentile(times, [50, 99]) * 1000
    return Load(len(times) / took, float(median), float(slow))


class Client(asyncio.Protocol):
    """Sends a request, and the next one once its answer is whole."""

    def __init__(self, request: bytes, end: float, times: list[float]) -> None:
        self.request, self.end, self.times = request, end, times
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Go on once the answer is whole."""
        self.answer += data
        if not whole(self.answer):
            return
        now = time.perf_counter()
        self.times.append(now - self.began)
        if not self.answer.startswith(b"HTTP/1.1 200"):
            self.connection_lost(AssertionError(self.answer[:200]))
        elif now < self.end:
            self._send()
        elif not self.done.done():
            self.done.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail, unless all is done."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the service hung up"))

    def _send(self) -> None:
        self.answer, self.began = b"", time.perf_counter()
        self.transport.write(self.request)


def whole(answer: bytes) -> bool:
    """Tell whether an answer has come to its end."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return len(body) >= int(length[1]) if length else body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n"
