"""The body of a request, read within limits of bytes and time; images from it, whatever kind it is of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
from starlette.requests import Request

from pipeline.addons.serve import bodies, forms
from pipeline.base.errors import short

Result = TypeVar("Result")
LIMIT = 4 * 2**20  # bytes of a request: several hundred images of 28 × 28 as JSON
READ = 128 * 2**20  # bytes of a request that is too large which are read, so that its client sees the answer
SECONDS = 20  # a body may take
SMALL = 64 * 2**10  # bytes of a body that need no room, and no other thread: it would take as long to begin
LARGE = 16  # larger ones that are held at once
NPY = ("application/x-npy", "application/npy")
PICTURES = ("image/png", "image/jpeg")
KINDS = ("application/json", "application/octet-stream", NPY[0], *PICTURES, "multipart/form-data")

threads = ThreadPoolExecutor(1, "bodies")  # one picture or large body at a time is decoded, which bounds the memory


class Refusal(Exception):  # noqa: N818  # an answer
    """A request gets an answer of 4xx or 5xx, with the reason."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status, self.headers = status, {key.replace("_", "-"): value for key, value in headers.items()}


def busy() -> Refusal:
    """Return the refusal of a request for which there is no room now."""
    return Refusal(503, "too many requests wait: try again in a second", Retry_After="1")


@asynccontextmanager
async def body_of(request: Request, refusal: Refusal | None = None) -> AsyncIterator[bytes]:
    """Read a body, and hold it until it is left; raise `Refusal` for one too large or too slow.

    A `refusal` that is known before comes first, but not before the body was read. So many large ones are held at once,
    and the others wait at their senders.
    """
    length = request.headers.get("content-length", "0")
    stated = int(length[:20]) if length.isdecimal() else READ
    if stated > READ:
        raise _too_large(Connection="close")
    if stated <= SMALL and "transfer-encoding" not in request.headers:
        yield await _read(request, refusal)
        return
    room: asyncio.Semaphore = request.app.state.room
    async with _within(busy()):
        await room.acquire()
    try:
        yield await _read(request, refusal)
    finally:
        room.release()


async def _read(request: Request, refusal: Refusal | None) -> bytes:
    """Read a body; of one too large the rest, too, up to a limit: a client still sending would not see the answer."""
    body, read = bytearray(), 0
    async with _within(Refusal(408, f"the body took more than {SECONDS} seconds", Connection="close")):
        async for chunk in request.stream():
            read += len(chunk)
            if read > READ:
                raise _too_large(Connection="close")
            if read <= LIMIT:
                body += chunk
    if refusal or read > LIMIT:
        raise refusal or _too_large()
    return bytes(body)


@asynccontextmanager
async def _within(refusal: Refusal) -> AsyncIterator[None]:
    """Raise a refusal if the block takes too long."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except TimeoutError:
        raise refusal from None


def _too_large(**headers: str) -> Refusal:
    return Refusal(413, f"the body is over {LIMIT:,} bytes: send fewer images at a time", **headers)


def unknown_kind(request: Request) -> Refusal | None:
    """Return the refusal of a Content-Type that is not known, JSON in another encoding among them."""
    name, *parameters = _kind(request)
    plain = name != KINDS[0] or all(parameter.lower() == "charset=utf-8" for parameter in parameters)
    if name in (*KINDS, *NPY) and plain:
        return None
    kind = request.headers.get("content-type", "")
    return Refusal(415, f"the Content-Type is {short(kind)}, not {', '.join(KINDS[:-1])} or {KINDS[-1]}")


def _kind(request: Request) -> list[str]:
    return [part.strip() for part in request.headers.get("content-type", "").split(";")]


async def images_of(request: Request, body: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the images of a body as uint8 of (n, height, width, channels); raise `Refusal` where there are none."""
    name, invert = _kind(request)[0], flag(request, "invert")
    if invert and name not in (*PICTURES, "multipart/form-data"):
        raise Refusal(400, "invert is for pictures: swap black and white of an array yourself")
    if name == "application/json":
        return await in_thread_if_large(bodies.from_json, body, shape)
    if name == "application/octet-stream":
        return bodies.from_raw(body, request.headers.get("shape"), shape)
    if name in NPY:
        return bodies.from_npy(body, shape)
    files = [body] if name in PICTURES else await in_thread(forms.files_of, request.headers["content-type"], body)
    read = partial(bodies.from_picture, shape=shape, invert=invert, of=len(files))
    return np.concatenate([await in_thread(read, file) for file in files])  # others' between them


async def in_thread(read: Callable[..., Result], *arguments: Any) -> Result:
    """Read what takes longer in a thread beside the one that answers; raise `Refusal` where it has too much to do."""
    async with _within(busy()):
        return await asyncio.get_running_loop().run_in_executor(threads, read, *arguments)


async def in_thread_if_large(read: Callable[..., Result], body: bytes, *arguments: Any) -> Result:
    """Read JSON here if that is quicker than to ask another thread."""
    return await in_thread(read, body, *arguments) if len(body) > SMALL else read(body, *arguments)


def flag(request: Request, name: str) -> bool:
    """Return a parameter of the address, false if left out; raise `Refusal` for anything but true and false."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise Refusal(400, f"{name} is {short(value)}: give true or false")
    return value == "true"
