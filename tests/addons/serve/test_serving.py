"""Every kind of body, what is wrong with it, batches, the token, metrics."""

import asyncio
import io
import json
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.addons.serve import batching, bodies, reading
from pipeline.addons.serve import command as serve
from pipeline.addons.serve.batching import Batcher
from pipeline.base.errors import InputError
from pipeline.data import pictures
from tests.serving import BRIGHT, DARK, RAW, ROWS, SHAPE, Pointed, Slow, get, require_good, send, send_raw, served


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(Pointed()) as where:
        yield where


def png(array: np.ndarray, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, form)
    return file.getvalue()


WAYS = {
    "JSON": (json.dumps({"inputs": BRIGHT.tolist()}).encode(), "application/json", {}),
    "raw": (BRIGHT.tobytes(), RAW, {"Shape": "1, 28, 28, 1"}),
    "png": (png(BRIGHT[0, ..., 0]), "image/png", {}),
    "jpeg": (png(np.full((300, 200, 3), 255, np.uint8), "JPEG"), "image/jpeg", {}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_image_is_read_from_every_kind_of_body(address: str, way: Any) -> None:
    body, kind, headers = way
    status, answer = send(address, body, kind, **headers)
    assert status == 200
    np.testing.assert_allclose(answer["predictions"], [ROWS["bright"]], rtol=1e-6)
    _, named = send(address, body, kind, "/invocations?classes=true", **headers)
    (told,) = named["predictions"]
    assert (told["class"], list(told["probabilities"])) == ("bright", ["bright", "dark"])
    assert told["probability"] == told["probabilities"]["bright"]


def test_pictures_are_resized_and_inverted_as_predict_does(address: str, tmp_path: Path) -> None:
    picture = np.pad(np.full((60, 30, 3), 255, np.uint8), ((15, 15), (15, 15), (0, 0)))
    (tmp_path / "a.png").write_bytes(png(picture))
    for invert in (False, True):
        read = pictures.read(tmp_path / "a.png", SHAPE, invert=invert)
        answer = send(address, png(picture), "image/png", f"/invocations?invert={str(invert).lower()}")[1]
        np.testing.assert_allclose(answer["predictions"], Pointed().predict(read[None]).tolist(), rtol=1e-6)
        assert np.argmax(answer["predictions"][0]) == int(invert)


def huge_png(side: int) -> bytes:
    """Return a small file that says it is a picture of many pixels."""
    head = b"IHDR" + side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    chunks = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    return chunks + (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")


WRONG: list[tuple[Any, str | None, dict[str, str], str]] = [
    (b"", RAW, {}, "give a byte for each pixel, and the shape of the images"),
    (b"a" * 784, RAW, {}, "the header Shape is '', the body has 784 bytes: give a byte for each pixel"),
    (b"", RAW, {"Shape": "0, 28, 28, 1"}, "the body has 0 bytes"),
    (b"a" * 784, RAW, {"Shape": "28, 28"}, "the header Shape is '28, 28'"),
    (b"a" * 784, RAW, {"Shape": "1, 56, 14, 1"}, "and the shape of the images, as 1, 28, 28, 1"),
    (b"a" * 783, RAW, {"Shape": "1, 28, 28, 1"}, "the body has 783 bytes"),
    (b"a" * 785, RAW, {"Shape": "1, 28, 28, 1"}, "the body has 785 bytes"),
    (b"a" * 784, RAW, {"Shape": "999999999,28,28,1"}, "the header Shape is '999999999,28,28,1'"),
    (b"", "image/png", {}, "0 bytes"),
    (png(BRIGHT[0, ..., 0])[:-30], "image/png", {}, "the picture cannot be read"),
    (png(BRIGHT[0, ..., 0], "GIF"), "image/png", {}, "neither PNG nor JPEG"),
    (huge_png(60_000), "image/png", {}, "the picture has more than 16,000,000 pixels"),
    (huge_png(5_000), "image/png", {}, "the picture has more than 16,000,000 pixels"),
]


@pytest.mark.parametrize(("body", "kind", "headers", "said"), WRONG, ids=[said for *_, said in WRONG])
def test_what_is_wrong_with_a_body_is_said(
    address: str, body: bytes, kind: str, headers: dict[str, str], said: str
) -> None:
    status, answer = send(address, body, kind, **headers)
    assert (status, said in answer["error"]) == (400, True), answer
    require_good(address)


@pytest.mark.parametrize("path", ["/invocations?invert=yes", "/invocations?classes=1", "/invocations?invert=true"])
def test_what_a_request_cannot_want_is_refused(address: str, path: str) -> None:
    assert send_raw(address, BRIGHT, path)[0] == 400


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """Return a strategy of a good body that was cut off, or has another byte somewhere, or more of them."""
    at = st.integers(0, len(good) - 1)
    return st.one_of(
        at.map(lambda end: good[:end]),
        st.tuples(at, st.binary(min_size=1, max_size=9)).map(
            lambda spot: good[: spot[0]] + spot[1] + good[spot[0] + 1 :]
        ),
        st.binary(max_size=200),
    )


@pytest.mark.parametrize("way", WAYS)
def test_no_damage_to_any_kind_of_body_does_harm(address: str, way: str) -> None:
    good, kind, headers = WAYS[way]

    @settings(max_examples=60)
    @given(body=damaged(good))
    def check(body: bytes) -> None:
        status, answer = send(address, body, kind, **headers)
        assert status == 400 or (status == 200 and len(answer["predictions"]) == 1)

    check()
    require_good(address)


def test_a_picture_that_waits_too_long_to_be_decoded_gets_a_503(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    go, decoded = Event(), list[int]()

    def decode(content: bytes, *_: Any, **__: Any) -> Any:
        decoded.append(len(content))
        go.wait(10)
        return BRIGHT[0]

    monkeypatch.setattr(pictures, "decode", decode)
    monkeypatch.setattr(reading, "SECONDS", 0.5)
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(send, address, png(BRIGHT[0, ..., 0]), "image/png") for _ in range(6)]
        assert [one.result()[0] for one in asked] == [503] * 6
    go.set()
    require_good(address)
    assert len(decoded) == 1


PIXELS = st.integers(0, 255).map(str) | st.sampled_from(
    ["256", "300", "-0", "-1", "00", "07", "1.0", "1e1", "true", '"7"', "[1]", " 7", "7 ", "7 7", "", "1000", "999"]
)


def by_pythons_lists(body: bytes, shape: tuple[int, ...]) -> Any:
    """Return the images of a body as Python itself reads them, or None."""
    try:
        images = np.array(json.loads(body)["inputs"], dtype=object)
    except ValueError:
        return None
    good = images.shape[1:] == shape and all(type(pixel) is int and 0 <= pixel <= 255 for pixel in images.flat)
    return images.tolist() if good else None


@given(pixels=st.lists(PIXELS, min_size=12, max_size=12), separator=st.sampled_from([",", ", ", " ,", ",\n", ",,"]))
@settings(max_examples=400)
def test_images_are_read_from_json_as_pythons_lists_of_numbers_have_them(pixels: list[str], separator: str) -> None:
    rows = [f"[{separator.join(f'[{pixel}]' for pixel in pixels[at : at + 3])}]" for at in range(0, 12, 3)]
    images = [f"[{separator.join(rows[at : at + 2])}]" for at in (0, 2)]
    body = f'{{"inputs": [{separator.join(images)}]}}'.encode()

    try:
        found = bodies.from_json(body, (2, 3, 1)).tolist()
    except InputError:
        found = None
    assert found == by_pythons_lists(body, (2, 3, 1))


def test_requests_that_come_together_are_computed_together_and_answered_apart() -> None:
    model: Any = Slow()

    async def ask() -> list[np.ndarray]:
        batcher, images = Batcher(model), [BRIGHT, DARK, np.concatenate([DARK, BRIGHT]), BRIGHT]
        asked = [asyncio.create_task(batcher.predict(model, images[0]))]
        await asyncio.sleep(0.05)
        asked += [asyncio.create_task(batcher.predict(model, one)) for one in images[1:]]
        await asyncio.sleep(0.05)
        model.go.set()
        return await asyncio.gather(*asked)

    answers = asyncio.run(ask())
    assert model.sizes == [1, 4]
    assert [rows.argmax(axis=1).tolist() for rows in answers] == [[0], [1], [1, 0], [0]]


def test_what_waits_is_answered_by_the_model_that_it_found_when_another_is_promoted() -> None:
    before: Any = Slow()
    after: Any = Slow()
    after.go.set()

    async def ask() -> None:
        batcher = Batcher(before)
        asked = [asyncio.create_task(batcher.predict(model, BRIGHT)) for model in (before, before, after, before)]
        await asyncio.sleep(0.05)
        before.go.set()
        await asyncio.gather(*asked)

    asyncio.run(ask())
    assert (before.sizes, after.sizes) == ([2, 1], [1])


def test_a_model_that_fails_fails_its_own_requests_alone() -> None:
    good: Any = Pointed()
    bad: Any = Pointed()
    bad.predict = lambda images: images[:, 0, 0, 0].no_such_thing

    async def ask() -> list[Any]:
        batcher = Batcher(good)
        asked = (batcher.predict(model, BRIGHT) for model in (bad, good, bad))
        return list(await asyncio.gather(*asked, return_exceptions=True))

    assert [type(answer) for answer in asyncio.run(ask())] == [AttributeError, np.ndarray, AttributeError]


def test_over_the_queues_limit_a_request_gets_a_503_with_a_time_to_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "QUEUE", 2 * BRIGHT.nbytes)
    model: Any = Slow()

    with served(model) as address, ThreadPoolExecutor(9) as threads:
        asked = [threads.submit(send_raw, address, BRIGHT) for _ in range(9)]
        time.sleep(0.3)
        model.go.set()
        statuses = [one.result()[0] for one in asked]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) in (3, 4, 5)  # what was computed first, and two that waited


def test_a_token_is_needed_for_all_but_health_and_the_page() -> None:
    with served(Pointed(), token="open sesame") as address:
        for path in ("/ping", "/health", "/"):
            assert get(address, path)[0] == 200
        for path in ("/classes", "/metrics", "/version", "/nowhere"):
            assert get(address, path)[0] == 401
            assert get(address, path, Authorization="Bearer open sesam")[0] == 401
        assert get(address, "/classes", Authorization="Bearer open sesame")[0] == 200
        assert send_raw(address, BRIGHT)[0] == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in ("localhost:5001", "LOCALHOST", "127.0.0.1:80", "10.1.2.3", "[::1]:80", "[::1]")),
        *((host, 200) for host in ("shoes.example.org", "Shoes.example.org:443", "")),
        *(
            (host, 403)
            for host in ("evil.example", "evil.example:5001", "localhost.evil.example", "127.0.0.1.evil.example")
        ),
        *(
            (host, 403)
            for host in ("x.shoes.example.org", "::1", "[::1].evil.example", "127.0.0.1:x", "localhost@evil")
        ),
    ],
)
@pytest.mark.parametrize("path", ["/", "/health", "/classes"])
def test_who_calls_the_service_by_another_sites_name_is_refused(host: str, status: int, path: str) -> None:
    with served(Pointed(), hosts={"shoes.example.org", "localhost"}) as address:
        assert get(address, path, Host=host)[0] == status


def test_the_name_that_is_refused_is_told_with_the_remedy() -> None:
    with served(Pointed(), hosts={"localhost"}) as address:
        said = json.loads(get(address, "/classes", Host="shoes.example.org")[1])["error"]
    assert said == "the Host 'shoes.example.org' is not known here: name it in SERVE_HOSTS"


@pytest.mark.parametrize(
    ("bound", "variable", "hosts"),
    [
        ("127.0.0.1", "", {"localhost"}),
        ("::1", "a.example, B.example", {"localhost", "a.example", "b.example"}),
        ("0.0.0.0", "", set()),
        ("0.0.0.0", "serve", {"localhost", "serve"}),
    ],
)
def test_names_are_checked_where_the_service_is_this_machines_own_or_some_are_given(
    bound: str, variable: str, hosts: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVE_HOSTS", variable)
    assert serve._hosts(bound) == hosts


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://x"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:5001", "Host": "localhost:5001"}, 200),
        ({"Origin": "http://localhost:8000", "Host": "localhost:5001"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_what_a_page_of_another_site_sends_is_refused(address: str, headers: dict[str, str], status: int) -> None:
    assert send(address, png(BRIGHT[0, ..., 0]), "image/png", **headers)[0] == status


def test_answers_and_images_are_counted(address: str) -> None:
    def count(start: str) -> float:
        lines = get(address, "/metrics")[1].decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(start))

    before = count('serve_images_total{version="7"}'), count('serve_answers_total{path="/invocations",status="400"}')
    send_raw(address, np.concatenate([BRIGHT, DARK]))
    send(address, b"", "application/json")
    get(address, "/" + "x" * 50)
    after = count('serve_images_total{version="7"}'), count('serve_answers_total{path="/invocations",status="400"}')
    assert np.subtract(after, before).tolist() == [2, 1]
    assert count('serve_answers_total{path="other",status="404"}') > 0
    assert not count("xxx")


def test_a_line_of_the_log_is_json_without_the_picture(capfd: pytest.CaptureFixture[str]) -> None:
    with served(Pointed()) as address:
        send(address, png(BRIGHT[0, ..., 0]), "image/png", "/invocations?classes=true")
    *_, line = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert line.pop("time")
    assert line.pop("milliseconds") > 0
    assert line == {"method": "POST", "path": "/invocations", "status": 200, "images": 1, "version": "7"}
