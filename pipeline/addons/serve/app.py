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
        Route("/", _page),
        Route("/invocations", _invocations, methods=["POST"]),
        *(Route(path, lambda _: PlainTextResponse("\n")) for path in ("/ping", "/health")),
        Route("/version", lambda request: PlainTextResponse(_model(request).version)),
        Route("/classes", lambda request: JSONResponse(_model(request).about)),
        Route("/metrics", _metrics),
        Route("/v2", _server),
        Route("/v2/health/live", lambda _: JSONResponse({"live": True})),
        Route("/v2/health/ready", lambda _: JSONResponse({"ready": True})),
        *(
            route
            for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
            for route in (
                Route(path, _described),
                Route(f"{path}/ready", _ready),
                Route(f"{path}/infer", _infer, methods=["POST"]),
            )
        ),
    ]
    answers: Any = {Refusal: _refused, InputError: _refused, Busy: _refused, HTTPException: _http, Exception: _failed}

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
    if {"name", "version"} & set(request.path_params):
        named = request.path_params["name"], request.path_params.get("version", model.version)
        if named != (model.about["dataset"], model.version):
            raise Refusal(404, f"{' version '.join(named)} is not served: {model.about['dataset']} {model.version} is")
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
            images = await reading.images_of(request, body, model)
            rows = (await _predicted(request, images)).tolist()
    except ClientDisconnect:
        return Response(status_code=400)
    return _json({"predictions": [_named(row, model.classes) for row in rows] if named else rows})


def _named(row: list[float], classes: list[str]) -> dict[str, Any]:
    best = max(range(len(row)), key=row.__getitem__)
    by_class = dict(zip(classes, row, strict=True))
    return {"class": classes[best], "probability": row[best], "probabilities": by_class}


async def _infer(request: Request) -> Response:
    model = _model(request)
    try:
        async with reading.body_of(request) as body:
            content, images = await reading.in_thread_if_large(_asked, request, body, model)
            return inference.answer(content, model, await _predicted(request, images))
    except ClientDisconnect:
        return Response(status_code=400)


def _asked(request: Request, body: bytes, model: Model) -> tuple[dict[str, Any], np.ndarray]:
    content, rest = inference.asked(request, body)
    return content, inference.images_of(content, rest, model)


def _server(_: Request) -> Response:
    return JSONResponse({"name": "pipeline.serve", "version": "2", "extensions": ["binary_tensor_data"]})


def _described(request: Request) -> Response:
    return JSONResponse(inference.described(_model(request)))


def _ready(request: Request) -> Response:
    return JSONResponse({"name": _model(request).about["dataset"], "ready": True})


def _metrics(request: Request) -> Response:
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Response(metrics.text(_model(request).about), media_type=kind)


def _page(_: Request) -> Response:
    return HTMLResponse(PAGE.read_bytes(), headers={"Content-Security-Policy": POLICY})


def _json(content: Any) -> Response:
    return Response(json.dumps(content), media_type="application/json")


def _refused(_: Request, error: Exception) -> Response:
    refusal = reading.busy() if isinstance(error, Busy) else error
    if isinstance(refusal, Refusal):
        return JSONResponse({"error": str(refusal)}, refusal.status, refusal.headers)
    return JSONResponse({"error": str(refusal)}, 400)


def _http(_: Request, error: Any) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the service failed: its log says how"}, 500)
