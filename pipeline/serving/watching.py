"""Each request passes here: the token, the version in its answer, its line in the log, its place in the metrics."""

import hmac
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serving import metrics
from pipeline.serving.batching import Batcher

OPEN = {"/", "/ping", "/health", "/v2/health/live", "/v2/health/ready"}  # without the token


def log(**fields: Any) -> None:
    """Write a line of JSON to standard output, with the time first."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    sys.stdout.write(json.dumps({"time": now, **fields}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Watched:
    """An ASGI app around another: it lets in who has the token, and tells of every answer."""

    def __init__(self, app: ASGIApp, batcher: Batcher, token: str | None) -> None:
        self.app, self.batcher, self.token = app, batcher, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the model that it finds in use, and note how it was answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, model, status = time.perf_counter(), self.batcher.model, 499  # nobody was there to be answered
        scope["model"], scope["images"] = model, 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"Model-Version", model.version.encode())]
            await send(message)

        try:
            if self._may(scope):
                await self.app(scope, receive, noting)
            else:
                refusal = JSONResponse({"error": "give the token, as Authorization: Bearer TOKEN"}, 401)
                refusal.headers["WWW-Authenticate"] = "Bearer"
                await refusal(scope, receive, noting)
        finally:
            took = time.perf_counter() - began
            path = getattr(scope.get("route"), "path", "other")
            metrics.answers.labels(path, status).inc()
            metrics.seconds.labels(path).observe(took)
            about = {"method": scope["method"], "path": scope["path"][:200], "status": status}
            log(**about, milliseconds=round(took * 1000, 2), images=scope["images"], version=model.version)

    def _may(self, scope: Scope) -> bool:
        if not self.token or scope["path"] in OPEN:
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(given, f"Bearer {self.token}".encode())
