"""Connections with patience: so many at once, and so long to say what they want."""

import asyncio
import sys
from typing import Any

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipeline.serving import metrics

MOST = 1_000  # at once
SECONDS = 10  # for the head of a request
HEAD = 64 * 2**10  # bytes of a request that are not its body; some more if they come at once
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 33\r\nConnection: close\r\n\r\n{"error": "too many connections"}'
)
UNKNOWN = (
    b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\n"
    b'Content-Length: 31\r\nConnection: close\r\n\r\n{"error": "Method Not Allowed"}'
)


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which by itself waits for ever for a request that has begun, however long its head."""

    deadline: asyncio.TimerHandle | None = None
    head = 0  # bytes that have come since the last of a body

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
        self.head += len(data)
        super().data_received(data)
        if self.head > HEAD and not self.transport.is_closing():
            self.send_400_response(f"More than {HEAD:,} bytes of headers.")
        if self._answering():
            self._stop_waiting()

    def on_body(self, body: bytes) -> None:
        """Count anew what follows, which may be another chunk or headers behind the last one."""
        self.head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew for the next request."""
        self.head = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, and hang up; an unknown method as any other that is not for a path."""
        if isinstance(sys.exception(), HttpParserInvalidMethodError):
            self.transport.write(UNKNOWN)
            self.transport.close()
        else:
            super().send_400_response(msg)

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
