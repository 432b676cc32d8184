"""The service as an ASGI app: mlflow's routes, the open inference protocol's, metrics and the page."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.addons.serve import inference, metrics, reading
from pipeline.addons.serve.batching import Batcher, Busy
from pipeline.addons.serve.model import Model
from pipeline.addons.serve.observing import Observer
from pipeline.addons.serve.reading import Refusal
from pipeline.addons.serve.watching import Watched
from pipeline.base.errors import InputError

PAGE = Path(__file__).with_name("page.html")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src blob:"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
SERVER = {"name": "pipeline.serve", "version": "2", "extensions": ["binary_tensor_data"]}


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
        Route("/version", lambda request: PlainTextResponse(_model(request).version)),
        Route("/classes", lambda request: JSONResponse(_model(request).about)),
        Route("/metrics", lambda request: Response(metrics.text(_model(request).about), media_type=PROMETHEUS)),
        Route("/v2", lambda _: JSONResponse(SERVER)),
        Route("/v2/health/live", lambda _: JSONResponse({"live": True})),
        Route("/v2/health/ready", lambda _: JSONResponse({"ready": True})),
    ]
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        routes += [
            Route(path, lambda request: JSONResponse(inference.described(_model(request)))),
            Route(f"{path}/ready", lambda request: JSONResponse({"name": _model(request).name, "ready": True})),
            Route(f"{path}/infer", _infer, methods=["POST"]),
        ]
    answers: Any = {
        **dict.fromkeys((Refusal, InputError, Busy), _refused),
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


def _model(request: Request) -> Model:
    """Return the model in use when the request came, which answers it whatever is promoted meanwhile."""
    model: Model = request.scope["model"]
    named = request.path_params.get("name", model.name), request.path_params.get("version", model.version)
    if named != (model.name, model.version):
        raise Refusal(404, f"{' version '.join(named)} is not served: {model.name} {model.version} is")
    return model


async def _predicted(request: Request, images: np.ndarray) -> np.ndarray:
    model: Model = request.scope["model"]
    request.scope["images"] = len(images)
    batcher: Batcher = request.app.state.batcher
    probabilities = await batcher.predict(model, images)
    metrics.images.labels(model.version).inc(len(images))
    if request.app.state.observer:
        request.app.state.observer.note(model, images, probabilities)
    return probabilities


async def _invocations(request: Request) -> Response:
    model = _model(request)
    try:
        async with reading.body_of(request, reading.unknown_kind(request)) as body:
            named = reading.flag(request, "classes")
            images = await reading.images_of(request, body, model.shape)
            rows = (await _predicted(request, images)).tolist()
    except ClientDisconnect:
        return Response(status_code=400)
    answer = {"predictions": [_named(row, model.classes) for row in rows] if named else rows}
    return Response(json.dumps(answer), media_type="application/json")


def _named(row: list[float], classes: list[str]) -> dict[str, Any]:
    by_class = dict(zip(classes, row, strict=True))
    best = max(by_class, key=by_class.__getitem__)
    return {"class": best, "probability": by_class[best], "probabilities": by_class}


async def _infer(request: Request) -> Response:
    model = _model(request)
    try:
        async with reading.body_of(request) as body:
            stated = request.headers.get(inference.HEADER)
            asked = await reading.in_thread_if_large(inference.read, body, stated, model)
            return inference.answer(asked, model, await _predicted(request, asked.images))
    except ClientDisconnect:
        return Response(status_code=400)


def _refused(_: Request, error: Exception) -> Response:
    refusal = reading.busy() if isinstance(error, Busy) else error
    if isinstance(refusal, Refusal):
        return JSONResponse({"error": str(refusal)}, refusal.status, refusal.headers)
    return JSONResponse({"error": str(refusal)}, 400)
