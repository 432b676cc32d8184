"""Connections with patience: so many at once, and so long to say what they want."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.serving import metrics

MOST = 1_000  # at once; one of h11 keeps about 20 KB
SECONDS = 10  # for the head of a request
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 33\r\nConnection: close\r\n\r\n{"error": "too many connections"}'
)


class Connection(H11Protocol):
    """uvicorn's connection, which by itself waits for ever for a request that has begun."""

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin, or refuse at once if there are too many."""
        super().connection_made(transport)
        metrics.connections.set(len(self.connections))
        if len(self.connections) > MOST:
            transport.write(FULL)
            transport.close()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on; once a request is whole as far as its body, its answer takes as long as it takes."""
        if not self._answering() and not self.deadline:
            self._wait()
        super().data_received(data)
        if self._answering():
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)
        metrics.connections.set(len(self.connections))

    def on_response_complete(self) -> None:
        """Go on with what came meanwhile."""
        super().on_response_complete()
        self._stop_waiting()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self.deadline = self.loop.call_later(SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self.deadline:
            self.deadline.cancel()
            self.deadline = None
