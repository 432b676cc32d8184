"""The service as an ASGI app: mlflow's routes, metrics and the page."""

import asyncio
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.addons.drift.observations import Observer
from pipeline.addons.registry.model import Model, named
from pipeline.addons.serve import reading, watching
from pipeline.addons.serve.batching import Batcher
from pipeline.base.errors import InputError

PAGE = Path(__file__).with_name("page.html")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src blob:"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def make(
    batcher: Batcher, token: str | None = None, hosts: Collection[str] = (), observer: Observer | None = None
) -> ASGIApp:
    """Return the app around a batcher, whose model it serves; with a token, only to those who give it.

    With `hosts`, only to those who call it by one of these names, localhost or an address; `observer` notes what it
    sees.
    """
    routes = [
        Route("/", lambda _: HTMLResponse(PAGE.read_bytes(), headers={"Content-Security-Policy": POLICY})),
        Route("/invocations", _invocations, methods=["POST"]),
        Route("/ping", lambda _: PlainTextResponse("\n")),
        Route("/health", lambda _: PlainTextResponse("\n")),
        Route("/version", lambda request: PlainTextResponse(request.scope["model"].version)),
        Route("/classes", lambda request: JSONResponse(request.scope["model"].about)),
        Route("/metrics", lambda _: Response(generate_latest(), media_type=PROMETHEUS)),
    ]
    answers: Any = {
        HTTPException: lambda _, error: watching.answer(error),
        InputError: lambda _, error: JSONResponse({"error": str(error)}, 400),
        Exception: lambda *_: JSONResponse({"error": "the service failed: its log says how"}, 500),
    }
    app = Starlette(routes=routes, exception_handlers=answers)
    app.state.batcher, app.state.observer, app.state.room = batcher, observer, asyncio.Semaphore(reading.LARGE)
    app.router.redirect_slashes = False
    return watching.Watched(app, batcher, token, hosts)


async def _invocations(request: Request) -> Response:
    model: Model = request.scope["model"]  # the one in use when the request came, whatever is promoted meanwhile
    try:
        async with reading.body_of(request) as body:
            with_names = reading.flag(request, "classes")
            images = await reading.images_of(request, body, model.shape)
            probabilities = await request.app.state.batcher.predict(model, images)
    except ClientDisconnect:
        return Response(status_code=400)
    request.scope["images"] = len(images)
    if request.app.state.observer:
        request.app.state.observer.note(images, probabilities, model.about["fingerprint"])
    rows = probabilities.tolist()
    answer = {"predictions": [named(row, model.classes) for row in rows] if with_names else rows}
    return Response(json.dumps(answer), media_type="application/json")
