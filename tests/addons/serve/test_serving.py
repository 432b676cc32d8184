"""Every kind of body, what is wrong with it, the open inference protocol, batches, the token, metrics."""

import asyncio
import http.client
import io
import json
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.addons.serve import batching, bodies, forms, reading
from pipeline.addons.serve import command as serve
from pipeline.addons.serve.batching import Batcher
from pipeline.base.errors import InputError
from pipeline.data import pictures
from tests.serving import BRIGHT, DARK, ROWS, SHAPE, Pointed, Slow, form, get, npy, require_good, send, served


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(Pointed()) as where:
        yield where


def png(array: np.ndarray, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, form)
    return file.getvalue()


WAYS = {
    "raw": (BRIGHT.tobytes(), "application/octet-stream", {"Shape": "1, 28, 28, 1"}),
    "npy": (npy(BRIGHT), "application/x-npy", {}),
    "npy of 64-bit integers, by column": (npy(np.asfortranarray(BRIGHT.astype(np.int64))), "application/npy", {}),
    "png": (png(BRIGHT[0, ..., 0]), "image/png", {}),
    "jpeg": (png(np.full((300, 200, 3), 255, np.uint8), "JPEG"), "image/jpeg", {}),
    "form": (*form(png(BRIGHT[0, ..., 0])), {}),
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


def test_pictures_are_resized_and_inverted_as_predict_does(tmp_path: Any) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 60, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(png(picture))
    for invert in (False, True):
        read = bodies.from_picture(png(picture), SHAPE, invert=invert)
        np.testing.assert_array_equal(read[0], pictures.read(tmp_path / "a.png", SHAPE, invert=invert))


def test_a_form_of_several_pictures_is_answered_in_order(address: str) -> None:
    body, kind = form(png(DARK[0, ..., 0]), png(BRIGHT[0, ..., 0]))
    rows = send(address, body, kind)[1]["predictions"]
    assert np.argmax(rows, axis=1).tolist() == [1, 0]
    rows = send(address, body, kind, "/invocations?invert=true")[1]["predictions"]
    assert np.argmax(rows, axis=1).tolist() == [0, 1]


def huge_png(side: int) -> bytes:
    """Return a small file that says it is a picture of many pixels."""
    head = b"IHDR" + side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    chunks = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    return chunks + (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")


def npy_of(shape: str, kind: str = "'|u1'", fill: int = 784) -> bytes:
    """Return a `.npy` file that says it holds an array of that shape and type."""
    head = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"\0" * fill


def zipped() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, images=np.zeros((50_000, *SHAPE), np.uint8))
    return file.getvalue()


WRONG: list[tuple[Any, str | None, dict[str, str], str]] = [
    (b"", "application/octet-stream", {}, "give the shape of the images"),
    (b"", "application/octet-stream", {"Shape": "0, 28, 28, 1"}, "inputs has the shape (0, 28, 28, 1)"),
    (b"a" * 784, "application/octet-stream", {"Shape": "28, 28"}, "inputs has the shape (28, 28)"),
    (b"a" * 784, "application/octet-stream", {"Shape": "-1, 28, 28, 1"}, "give the shape of the images"),
    (b"a" * 783, "application/octet-stream", {"Shape": "1, 28, 28, 1"}, "784 are needed"),
    (b"a" * 785, "application/octet-stream", {"Shape": "999999999,28,28,1"}, "783,999,999,216 are needed"),
    (npy(BRIGHT.astype(np.float32) / 255), "application/x-npy", {}, "the array is of 'float32'"),
    (npy(BRIGHT > 0), "application/x-npy", {}, "the array is of 'bool'"),
    (npy(BRIGHT.astype(int) + 1), "application/x-npy", {}, "inputs holds 256 to 256"),
    (npy(BRIGHT.astype(int) - 256), "application/x-npy", {}, "inputs holds -1 to -1"),
    (npy(BRIGHT)[:-1], "application/x-npy", {}, "783 bytes of pixels, 784 are needed"),
    (npy(BRIGHT[0]), "application/x-npy", {}, "inputs has the shape (28, 28, 1)"),
    (npy_of("(10**9, 28, 28, 1)"), "application/x-npy", {}, "the body is not a .npy file"),
    (npy_of("(1000000000, 28, 28, 1)"), "application/x-npy", {}, "784,000,000,000 are needed"),
    (npy_of("(1, 28, 28, 1)", "'|O'"), "application/x-npy", {}, "the array is of 'object'"),
    (npy_of("(1, 28, 28, 1)", "[('a', 'u1')]"), "application/x-npy", {}, "the array is of "),
    (zipped(), "application/x-npy", {}, "the body is not a .npy file"),
    (b"", "image/png", {}, "0 bytes"),
    (png(BRIGHT[0, ..., 0])[:-30], "image/png", {}, "the picture cannot be read"),
    (png(BRIGHT[0, ..., 0], "GIF"), "image/png", {}, "neither PNG nor JPEG"),
    (huge_png(60_000), "image/png", {}, "the picture has more than 16,000,000 pixels"),
    (huge_png(5_000), "image/png", {}, "the picture has more than 16,000,000 pixels"),
    (b"--x--\r\n", "multipart/form-data; boundary=x", {}, "the form"),
    (b"--y--\r\n", "multipart/form-data; boundary=x", {}, "the form cannot be read"),
    (b"", "multipart/form-data", {}, "the form has no end"),
    (form(b"no picture")[0], "multipart/form-data; boundary=x", {}, "neither PNG nor JPEG"),
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
    assert send(address, npy(BRIGHT), "application/x-npy", path)[0] == 400


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


@pytest.mark.parametrize("way", ["raw", "npy", "png", "jpeg", "form"])
def test_no_damage_to_any_kind_of_body_does_harm(address: str, way: str) -> None:
    good, kind, headers = WAYS[way]

    @settings(max_examples=60)
    @given(body=damaged(good))
    def check(body: bytes) -> None:
        status, answer = send(address, body, kind, **headers)
        assert status == 400 or (status == 200 and len(answer["predictions"]) == 1)

    check()
    require_good(address)


def test_a_form_of_many_parts_is_refused_at_the_first_too_many(address: str) -> None:
    body = b"--x\r\n\r\n\r\n" * 260_000 + b"--x--\r\n"
    began = time.monotonic()
    with pytest.raises(InputError, match="the form has over 200 parts: send 100 pictures at most"):
        forms.files_of("multipart/form-data; boundary=x", body)
    assert time.monotonic() - began < 0.5
    assert send(address, body, "multipart/form-data; boundary=x")[0] == 400


def slowly(seconds: float, function: Any) -> Any:
    """Return a function that takes longer."""

    def slow(*given: Any, **more: Any) -> Any:
        time.sleep(seconds)
        return function(*given, **more)

    return slow


def test_a_form_is_read_beside_the_thread_that_answers(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "files_of", slowly(1, forms.files_of))
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(send, address, *WAYS["form"][:2])
        time.sleep(0.2)
        began = time.monotonic()
        assert get(address, "/health")[0] == 200
        assert time.monotonic() - began < 0.5
        assert asked.result()[0] == 200


def test_the_pictures_of_a_form_share_what_may_be_decoded(address: str) -> None:
    small, large = png(BRIGHT[0, ..., 0]), huge_png(1000)
    status, answer = send(address, *form(*[small] * 99, large))
    assert (status, "more than 640,000 pixels" in answer["error"]) == (400, True)
    assert send(address, *form(*[small] * 100))[0] == 200


def test_another_picture_is_answered_between_those_of_a_form(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "decode", slowly(0.05, pictures.decode))
    small = png(BRIGHT[0, ..., 0])
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(send, address, *form(*[small] * 40))
        time.sleep(0.2)
        assert send(address, small, "image/png")[0] == 200
        assert not asked.done()
        assert asked.result()[0] == 200


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


MODEL = "/v2/models/shop"
TENSOR: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28, 1]}


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/7"])
@pytest.mark.parametrize("data", [BRIGHT.tolist(), BRIGHT.ravel().tolist()], ids=["nested", "flat"])
def test_the_open_protocol_answers_numbers(address: str, path: str, data: Any) -> None:
    body = json.dumps({"id": "42", "inputs": [TENSOR | {"data": data}]})
    status, answer = send(address, body, "application/json", f"{path}/infer")
    (output,) = answer.pop("outputs")
    assert (status, answer) == (200, {"id": "42", "model_name": "shop", "model_version": "7"})
    np.testing.assert_allclose(output.pop("data"), ROWS["bright"], rtol=1e-6)
    assert output == {"name": "probabilities", "datatype": "FP32", "shape": [1, 2]}
    assert json.loads(get(address, path)[1])["inputs"] == [TENSOR | {"shape": [-1, 28, 28, 1]}]
    assert get(address, f"{path}/ready")[0] == 200


def test_the_open_protocol_takes_and_gives_bytes(address: str) -> None:
    tensor = TENSOR | {"parameters": {"binary_data_size": 784}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    connection = http.client.HTTPConnection(address)
    connection.request(
        "POST", f"{MODEL}/infer", head + BRIGHT.tobytes(), {"Inference-Header-Content-Length": str(len(head))}
    )
    answer = connection.getresponse()
    length, content = int(answer.headers["Inference-Header-Content-Length"]), answer.read()
    connection.close()
    assert json.loads(content[:length])["outputs"][0]["parameters"] == {"binary_data_size": 8}
    np.testing.assert_array_equal(np.frombuffer(content[length:], "<f4"), np.array(ROWS["bright"], np.float32))


def test_the_open_protocol_tells_of_the_server(address: str) -> None:
    assert json.loads(get(address, "/v2")[1])["extensions"] == ["binary_tensor_data"]
    assert json.loads(get(address, "/v2/health/live")[1]) == {"live": True}
    assert json.loads(get(address, "/v2/health/ready")[1]) == {"ready": True}
    for unknown in ("/v2/models/other", f"{MODEL}/versions/8", f"{MODEL}/versions/8/ready"):
        assert get(address, unknown)[0] == 404


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 300) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=9,
)


@given(
    change=st.sampled_from([*TENSOR, "data", "parameters"]).flatmap(
        lambda key: st.tuples(st.just(key), VALUES | st.dictionaries(st.just("binary_data_size"), VALUES))
    )
)
@settings(max_examples=150)
def test_any_change_to_a_tensor_is_refused_or_has_no_effect(address: str, change: tuple[str, Any]) -> None:
    tensor = TENSOR | {"data": BRIGHT.ravel().tolist()} | dict([change])
    status, answer = send(address, json.dumps({"inputs": [tensor]}), "application/json", f"{MODEL}/infer")
    harmless = tensor == TENSOR | {"data": tensor["data"], "parameters": tensor.get("parameters")}
    assert status == 400 or (status == 200 and harmless), answer


@given(body=VALUES.map(json.dumps) | st.dictionaries(st.just("inputs"), VALUES).map(json.dumps) | st.binary())
@settings(max_examples=150)
def test_any_other_body_is_refused_by_the_open_protocol(address: str, body: Any) -> None:
    assert send(address, body, "application/json", f"{MODEL}/infer")[0] == 400


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
        asked = [threads.submit(send, address, npy(BRIGHT), "application/x-npy") for _ in range(9)]
        time.sleep(0.3)
        model.go.set()
        statuses = [one.result()[0] for one in asked]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) in (3, 4, 5)  # what was computed first, and two that waited


def test_a_token_is_needed_for_all_but_health_and_the_page() -> None:
    with served(Pointed(), token="open sesame") as address:
        for path in ("/ping", "/health", "/v2/health/live", "/v2/health/ready", "/"):
            assert get(address, path)[0] == 200
        for path in ("/classes", "/metrics", "/version", "/nowhere"):
            assert get(address, path)[0] == 401
            assert get(address, path, Authorization="Bearer open sesam")[0] == 401
        assert get(address, "/classes", Authorization="Bearer open sesame")[0] == 200
        assert send(address, npy(BRIGHT), "application/x-npy")[0] == 401


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
@pytest.mark.parametrize("path", ["/invocations", "/v2/models/shop/infer"])
def test_a_form_that_a_page_of_another_site_sends_is_refused(
    address: str, headers: dict[str, str], status: int, path: str
) -> None:
    tensor = json.dumps({"inputs": [TENSOR | {"data": BRIGHT.tolist()}]}).encode(), "text/plain"
    body, kind = form(png(BRIGHT[0, ..., 0])) if path == "/invocations" else tensor
    assert send(address, body, kind, path, **headers)[0] == status


def test_answers_and_images_are_counted(address: str) -> None:
    def count(start: str) -> float:
        lines = get(address, "/metrics")[1].decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(start))

    before = count('serve_images_total{version="7"}'), count('serve_answers_total{path="/invocations",status="400"}')
    send(address, npy(np.concatenate([BRIGHT, DARK])), "application/x-npy")
    send(address, b"", "application/x-npy")
    get(address, "/" + "x" * 50)
    after = count('serve_images_total{version="7"}'), count('serve_answers_total{path="/invocations",status="400"}')
    assert np.subtract(after, before).tolist() == [2, 1]
    assert count('serve_answers_total{path="other",status="404"}') > 0
    assert count('serve_version{dataset="shop",model="vgg",version="7"}') == 1
    assert count("serve_batch_images_count") > 0
    assert not count("xxx")


def test_a_line_of_the_log_is_json_without_the_picture(capfd: pytest.CaptureFixture[str]) -> None:
    with served(Pointed()) as address:
        send(address, png(BRIGHT[0, ..., 0]), "image/png", "/invocations?classes=true")
    *_, line = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert line.pop("time")
    assert line.pop("milliseconds") > 0
    assert line == {"method": "POST", "path": "/invocations", "status": 200, "images": 1, "version": "7"}
