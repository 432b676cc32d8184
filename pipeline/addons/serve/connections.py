"""Connections with patience and limits: how many at once, how long and how much until a request is known."""

import asyncio
import re
import sys
from typing import Any

from httptools import HttpParserInvalidMethodError, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipeline.addons.serve import metrics

MOST = 1_000  # at once
SECONDS = 10  # for the head of a request
FIRST, CHUNK = 16 * 2**10, 256 * 2**10  # bytes read at once: until the app asks for a body, and then
HEAD = 64 * 2**10  # bytes of a request that are not its body; some more if they come at once
AHEAD = 16  # requests of one connection that wait for an answer to the one before
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 33\r\nConnection: close\r\n\r\n{"error": "too many connections"}'
)
UNKNOWN = (
    b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\n"
    b'Content-Length: 31\r\nConnection: close\r\n\r\n{"error": "Method Not Allowed"}'
)


class Connection(HttpToolsProtocol):
    """uvicorn's connection on llhttp, the parser of Node.js, with what uvicorn leaves out there.

    It would wait for ever for a request that has begun, and keep as long a head and as many requests as are sent; let
    an error overtake the answer before it; take requests without a Host; and lose the body of a request that asks for
    another protocol, as Java's client and `curl --http2` do.
    """

    transport: Any  # asyncio's own, which says how many bytes it reads at once
    deadline: asyncio.TimerHandle | None = None
    head = 0  # bytes that have come since the last of a body
    came = b""  # what is being read

    def connection_made(self, transport: Any) -> None:
        """Begin, or refuse at once if there are too many."""
        super().connection_made(transport)
        transport.max_size = FIRST
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
        self._read(data)
        if self.head > HEAD and not self.transport.is_closing():
            self.send_400_response(f"More than {HEAD:,} bytes of headers.")
        if self._answering():
            self._stop_waiting()
            if self.cycle.more_body and self.transport.max_size == FIRST:
                self.transport.max_size = CHUNK
                self.flow.pause_reading()  # until the app asks for more

    def _read(self, data: bytes) -> None:
        self.came = data
        super().data_received(data)
        self.came = b""

    def on_headers_complete(self) -> None:
        """Begin a request, or raise `ValueError`, which the parser takes for its own, where that may not be."""
        version, hosts = self.parser.get_http_version(), [name for name, _ in self.headers if name == b"host"]
        if version not in ("1.0", "1.1") or (version == "1.1" and len(hosts) != 1) or len(self.pipeline) == AHEAD:
            raise ValueError
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count anew what follows, which may be another chunk or headers behind the last one."""
        self.head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew for the next request."""
        self.head, self.transport.max_size = 0, FIRST
        super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return self.parser.get_method() != b"CONNECT"

    def handle_websocket_upgrade(self) -> None:
        """Read a request that asks for another protocol as if it did not: the parser has left its body out."""
        error = sys.exception()
        rest = self.came[error.args[0] :] if error else b""
        kept = b"".join(b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade")
        head = b"%s %s HTTP/1.1\r\n%s\r\n" % (self.parser.get_method(), self.url, kept)
        self.parser = HttpRequestParser(self)  # the other one is at its end if the client wants to hang up, too
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._read(head + rest)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, after what came before it; an unknown method as any that is not for a path."""
        if self._answering() and not self.cycle.more_body:
            self.cycle.keep_alive = False  # then the connection ends
        elif isinstance(sys.exception(), HttpParserInvalidMethodError) and re.match(rb"[A-Za-z]+ ", self.came):
            self.transport.write(UNKNOWN)
            self.transport.close()
        else:
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)
        metrics.connections.set(len(self.connections))

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self.deadline = self.loop.call_later(SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self.deadline:
            self.deadline.cancel()
            self.deadline = None
