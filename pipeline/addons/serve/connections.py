"""uvicorn's connection with limits that it lacks: how many, how long and how much until a request is known."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST = 1_000  # at once
SECONDS = 10  # for the head of a request
FIRST, CHUNK = 64 * 2**10, 256 * 2**10  # bytes read at once: until the app asks for more of a body, and then
HEAD = 64 * 2**10  # bytes of a request that are not its body; some more if they come at once
AHEAD = 16  # requests of one connection that wait for an answer to the one before
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    """A connection that is cut off when its client dawdles, or sends a head without end.

    uvicorn would wait for ever for a request that has begun, and keep as long a head and as many requests as are sent.
    """

    transport: Any  # asyncio's own, which says how many bytes it reads at once
    deadline: asyncio.TimerHandle
    head = 0  # bytes that have come since the last of a body

    def connection_made(self, transport: Any) -> None:
        """Begin, or refuse at once if there are too many."""
        super().connection_made(transport)
        transport.max_size = FIRST
        self._wait()
        if len(self.connections) > MOST:
            transport.write(FULL)
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Read on, but no body ahead of the app: it asks for more once it has room."""
        self.head += len(data)
        super().data_received(data)
        if self.head > HEAD and not self.transport.is_closing():
            self.send_400_response(f"More than {HEAD:,} bytes of headers.")
        elif self._answering() and self.cycle.more_body and self.cycle.body:
            self.transport.max_size = CHUNK
            self.flow.pause_reading()

    def on_headers_complete(self) -> None:
        """Begin a request, or raise `ValueError`, which the parser takes for its own, where too many wait."""
        if len(self.pipeline) == AHEAD:
            raise ValueError
        self.deadline.cancel()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count anew what follows, which may be another chunk or headers behind the last one."""
        self.head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew for the next request."""
        self.head, self.transport.max_size = 0, FIRST
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it has come already."""
        super().on_response_complete()
        if not self._answering():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self.deadline.cancel()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self.deadline = self.loop.call_later(SECONDS, self.transport.close)
