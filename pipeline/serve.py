"""Serve the champion on 127.0.0.1: mlflow's scoring server, behind a check of what it is sent.

`python -m pipeline.serve [PORT]`. GET /classes says what the probabilities are of and which version answers; each
answer has the version in its header Model-Version. By itself mlflow's server answers 500 to JSON nested too deep, to a
number of 5,000 digits and to no Content-Type, holds bodies of any size in memory, and scores 0.5, true and "7" as 0, 1
and 7.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.base import errors
from pipeline.base.errors import InputError, short
from pipeline.config import loading
from pipeline.runs import ports

PORT = 5001
LIMIT = 4 * 2**20  # bytes of a request: several hundred images of 28 × 28


class Checked:
    """An ASGI app that hands a scoring app only what it can score, and answers anything else with a 4xx and why."""

    def __init__(self, app: ASGIApp, shape: tuple[int, ...], about: dict[str, Any]) -> None:
        """Stand before `app`, which takes images of `shape` (height, width, channels); `about` says which it is."""
        self.app, self.shape, self.about = app, shape, about

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer /classes, check what is posted to /invocations, and let everything else by."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _with_header(send, "Model-Version", self.about["version"])
        asked = (scope["method"], scope["path"])
        if asked == ("GET", "/classes"):
            await JSONResponse(self.about)(scope, receive, send)
        elif asked == ("POST", "/invocations"):
            await self._score(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _score(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return
        if refusal := await asyncio.to_thread(_refusal, request, body, self.shape):
            await JSONResponse({"error": refusal[1]}, refusal[0])(scope, receive, send)
            return
        await self.app(scope, _again(body, receive), send)


def _with_header(send: Send, name: str, value: str) -> Send:
    """Return a `send` that gives each answer one more header."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[name] = value
        await send(message)

    return send_with_header


async def _body(request: Request) -> bytes:
    """Read a body; of one that is too large, only the first bytes past the limit are kept.

    The rest is read too: a client still sending would not see the answer.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk[: LIMIT + 1 - len(body)]
    return bytes(body)


def _refusal(request: Request, body: bytes, shape: tuple[int, ...]) -> tuple[int, str] | None:
    """Return the status and the reason for which a request is refused, or None."""
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip() != "application/json":
        return 415, f"the Content-Type is {short(kind)}, not application/json"
    if len(body) > LIMIT:
        return 413, f"the body is over {LIMIT:,} bytes: send fewer images at a time"
    try:
        check_images(body, shape)
    except InputError as error:
        return 400, str(error)
    return None


def check_images(body: bytes, shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless a body is `{"inputs": [image, ...]}`, images of `shape` and pixels from 0 to 255."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {short(str(error))}") from None
    if not isinstance(content, dict) or list(content) != ["inputs"]:
        raise InputError('the body is not {"inputs": [image, ...]}, without any other key')
    pixels = np.array(content["inputs"], dtype=object)  # each as JSON has it: as numbers, true would be 1
    if pixels.shape[1:] != shape:
        raise InputError(f"inputs has the shape {pixels.shape}, not (images, {', '.join(map(str, shape))})")
    for pixel in pixels.flat:
        if type(pixel) is not int or not 0 <= pixel <= 255:
            raise InputError(f"inputs holds {short(pixel)}: a pixel is an integer from 0 to 255, not scaled")


def _again(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return a `receive` that gives a body already read, then whatever comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        "python -m pipeline.serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("port", metavar="PORT", nargs="?", default=str(PORT), help=f"{PORT} if left out")
    port = ports.require_free(parser.parse_args().port, "name another, as in `make serve PORT=8080`")
    params = loading.load()
    from pipeline.champion import promotion, versions  # here, so that bad params are refused at once

    app, shape, version = promotion.scoring_app(params.fetch.dataset_name)
    print(f"serving {versions.describe(version)}", flush=True)
    served: Any = Checked(app, shape, versions.about(version))
    uvicorn.run(served, host=ports.HOST, port=port)


if __name__ == "__main__":
    errors.run(main)
