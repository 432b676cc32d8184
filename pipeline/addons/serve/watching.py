"""Each request passes here: who may ask, the version in its answer, its line in the log, its place in the metrics."""

import hmac
import json
import re
import sys
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.addons.serve.batching import Batcher
from pipeline.base.errors import short

HERE = re.compile(r"localhost|[\d.]+|\[[\da-f:.]+\]|")  # what no page elsewhere can be called; HTTP/1.0 names no Host
OPEN = {"/", "/ping", "/health"}  # without the token
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

answers = Counter("serve_answers", "Answers by path and status.", ("path", "status"))
seconds = Histogram("serve_seconds", "From a request's first byte to its answer's last.", ("path",), buckets=BUCKETS)
images = Counter("serve_images", "Images that were classified.", ("version",))
waiting = Gauge("serve_waiting_requests", "Requests whose images wait to be computed.")


def log(**fields: Any) -> None:
    """Write a line of JSON to standard output, with the time first."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    sys.stdout.write(json.dumps({"time": now, **fields}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def answer(refusal: HTTPException) -> JSONResponse:
    """Return the answer that tells why a request is refused."""
    return JSONResponse({"error": refusal.detail}, refusal.status_code, refusal.headers)


class Watched:
    """An ASGI app around another: it lets in who has the token and no page of another site, and tells of every answer.

    With `hosts`, a page elsewhere whose name is made to lead here (DNS rebinding) is refused by that name.
    """

    def __init__(self, app: ASGIApp, batcher: Batcher, token: str | None, hosts: Collection[str]) -> None:
        self.app, self.batcher, self.token, self.hosts = app, batcher, token, hosts
        waiting.set_function(lambda: sum(len(batch.images) for batch in tuple(batcher.waiting)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the model that it finds in use, and note how it was answered."""
        began, model, status = time.perf_counter(), self.batcher.model, 499  # nobody was there to be answered
        scope["model"], scope["images"] = model, 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"Model-Version", model.version.encode())]
            await send(message)

        try:
            self._require_allowed(scope)
            await self.app(scope, receive, noting)
        except HTTPException as refusal:
            await answer(refusal)(scope, receive, noting)
        finally:
            took = time.perf_counter() - began
            path = getattr(scope.get("route"), "path", "other")
            answers.labels(path, status).inc()
            seconds.labels(path).observe(took)
            images.labels(model.version).inc(scope["images"])
            about = {"method": scope["method"], "path": scope["path"][:200], "status": status}
            log(**about, milliseconds=round(took * 1000, 2), images=scope["images"], version=model.version)

    def _require_allowed(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = re.sub(r":\d+$", "", host)
        if self.hosts and name not in self.hosts and not HERE.fullmatch(name):
            raise HTTPException(403, f"the Host {short(name)} is not known here: name it in SERVE_HOSTS")
        if scope["method"] == "POST" and _foreign(headers, host):
            raise HTTPException(403, "a page of another site sent this: ask from the page at /, or without a browser")
        given = headers.get(b"authorization", b"")
        if self.token and scope["path"] not in OPEN and not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            how = {"WWW-Authenticate": "Bearer"}
            raise HTTPException(401, "give the token, as Authorization: Bearer TOKEN", how)
        if b"upgrade" in headers:  # the parser has left the body out
            other = short(headers[b"upgrade"].decode("latin-1"))
            close = {"Connection": "close"}
            raise HTTPException(400, f"the header Upgrade asks for {other}: ask by HTTP/1.1 alone", close)


def _foreign(headers: dict[bytes, bytes], host: str) -> bool:
    """Tell whether a page of another site sends this: new browsers say so in Sec-Fetch-Site, all in Origin."""
    if site := headers.get(b"sec-fetch-site"):
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    return origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host
