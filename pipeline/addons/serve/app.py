"""The service as an ASGI app: mlflow's routes, metrics and the page."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.addons.serve import metrics, reading
from pipeline.addons.serve.batching import Batcher
from pipeline.addons.serve.model import Model
from pipeline.addons.serve.observing import Observer
from pipeline.addons.serve.reading import Refusal
from pipeline.addons.serve.watching import Watched
from pipeline.base.errors import InputError

PAGE = Path(__file__).with_name("page.html")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src blob:"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def make(
    batcher: Batcher,
    token: str | None = None,
    follow: Callable[[], Coroutine[Any, Any, None]] | None = None,
    observer: Observer | None = None,
    hosts: Collection[str] = (),
) -> ASGIApp:
    """Return the app around a batcher, whose model it serves; with a token, only to those who give it.

    With `hosts`, only to those who call it by one of these names, localhost or an address.

    `follow` runs as long as the app does, and may give the batcher another model; `observer` notes what it sees.
    """
    routes = [
        Route("/", lambda _: HTMLResponse(PAGE.read_bytes(), headers={"Content-Security-Policy": POLICY})),
        Route("/invocations", _invocations, methods=["POST"]),
        Route("/ping", lambda _: PlainTextResponse("\n")),
        Route("/health", lambda _: PlainTextResponse("\n")),
        Route("/version", lambda request: PlainTextResponse(request.scope["model"].version)),
        Route("/classes", lambda request: JSONResponse(request.scope["model"].about)),
        Route("/metrics", lambda _: Response(generate_latest(metrics.registry), media_type=PROMETHEUS)),
    ]
    answers: Any = {
        Refusal: lambda _, refusal: refusal.response(),
        InputError: lambda _, error: JSONResponse({"error": str(error)}, 400),
        HTTPException: lambda _, error: JSONResponse({"error": error.detail}, error.status_code, error.headers),
        Exception: lambda *_: JSONResponse({"error": "the service failed: its log says how"}, 500),
    }

    @asynccontextmanager
    async def following(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(follow()) if follow else None
        yield
        if task:
            task.cancel()

    app = Starlette(routes=routes, exception_handlers=answers, lifespan=following)
    app.state.batcher, app.state.observer, app.state.room = batcher, observer, asyncio.Semaphore(reading.LARGE)
    app.router.redirect_slashes = False
    return Watched(app, batcher, token, hosts)


async def _invocations(request: Request) -> Response:
    model: Model = request.scope["model"]  # the one in use when the request came, whatever is promoted meanwhile
    try:
        async with reading.body_of(request) as body:
            named = reading.flag(request, "classes")
            images = await reading.images_of(request, body, model.shape)
            probabilities = await request.app.state.batcher.predict(model, images)
    except ClientDisconnect:
        return Response(status_code=400)
    request.scope["images"] = len(images)
    metrics.images.labels(model.version).inc(len(images))
    if request.app.state.observer:
        request.app.state.observer.note(model, images, probabilities)
    rows = probabilities.tolist()
    answer = {"predictions": [_named(row, model.classes) for row in rows] if named else rows}
    return Response(json.dumps(answer), media_type="application/json")


def _named(row: list[float], classes: list[str]) -> dict[str, Any]:
    by_class = dict(zip(classes, row, strict=True))
    best = max(by_class, key=by_class.__getitem__)
    return {"class": best, "probability": by_class[best], "probabilities": by_class}
