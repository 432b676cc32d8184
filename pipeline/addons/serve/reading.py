"""The body of a request, read within limits of bytes and time; images from it, whatever kind it is of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pipeline.addons.serve import bodies
from pipeline.base.errors import short
from pipeline.data import pictures

LIMIT = 4 * 2**20  # bytes of a request: several hundred images of 28 × 28 as JSON
READ = 128 * 2**20  # bytes of a request that is too large which are read, so that its client sees the answer
SECONDS = 20  # a body may take
SMALL = 64 * 2**10  # bytes of a body that need no room, and no other thread: it would take as long to begin
LARGE = 16  # larger ones that are held at once
PIXELS = 16_000_000  # of a picture: while it is decoded it takes up to nine bytes for each
PICTURES = ("image/png", "image/jpeg")
KINDS = ("application/json", "application/octet-stream", *PICTURES)

threads = ThreadPoolExecutor(1, "bodies")  # one picture or large body at a time is decoded, which bounds the memory


def busy() -> HTTPException:
    """Return the refusal of a request for which there is no room now."""
    return HTTPException(503, "too many requests wait: try again in a second", {"Retry-After": "1"})


@asynccontextmanager
async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Read a body, and hold it until it is left; raise `HTTPException` for one too large or too slow.

    So many large ones are held at once, and the others wait at their senders.
    """
    stated = int(request.headers.get("content-length", 0))
    if stated <= SMALL and "transfer-encoding" not in request.headers:
        yield await _read(request, stated)
        return
    room: asyncio.Semaphore = request.app.state.room
    async with _within(busy()):
        await room.acquire()
    try:
        yield await _read(request, stated)
    finally:
        room.release()


async def _read(request: Request, stated: int) -> bytes:
    """Read a body; of one too large the rest, too, up to a limit: a client still sending would not see the answer."""
    chunks, read, close = list[bytes](), 0, {"Connection": "close"}
    async with _within(HTTPException(408, f"the body took more than {SECONDS} seconds", close)):
        async for chunk in request.stream():
            read += len(chunk)
            if read <= LIMIT:
                chunks.append(chunk)
            if max(read, stated) > READ:
                break
    if max(read, stated) > LIMIT:
        raise HTTPException(413, f"the body is over {LIMIT:,} bytes: send fewer images at a time", close)
    return b"".join(chunks)


@asynccontextmanager
async def _within(refusal: HTTPException) -> AsyncIterator[None]:
    """Raise a refusal if the block takes too long."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except TimeoutError:
        raise refusal from None


async def images_of(request: Request, body: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the images of a body as uint8 of (n, height, width, channels); raise `HTTPException` for none."""
    stated = request.headers.get("content-type", "")
    kind, _, parameter = (part.strip() for part in stated.partition(";"))
    invert = flag(request, "invert")
    if kind in PICTURES:
        decode = partial(pictures.decode, body, "the picture", shape, invert=invert, most=PIXELS)
        return (await _in_thread(decode))[None]
    if invert:
        raise HTTPException(400, "invert is for pictures: swap black and white of an array yourself")
    if kind == "application/json" and parameter.lower() in ("", "charset=utf-8"):
        read = partial(bodies.from_json, body, shape)
        return await _in_thread(read) if len(body) > SMALL else read()
    if kind == "application/octet-stream":
        return bodies.from_raw(body, request.headers.get("shape", ""), shape)
    raise HTTPException(415, f"the Content-Type is {short(stated)}, not {', '.join(KINDS[:-1])} or {KINDS[-1]}")


async def _in_thread(read: Callable[[], np.ndarray]) -> np.ndarray:
    """Read what takes longer in a thread of its own; raise `HTTPException` where that has too much to do."""
    async with _within(busy()):
        return await asyncio.get_running_loop().run_in_executor(threads, read)


def flag(request: Request, name: str) -> bool:
    """Return a parameter of the address, false if left out; raise `HTTPException` for anything but true and false."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise HTTPException(400, f"{name} is {short(value)}: give true or false")
    return value == "true"
