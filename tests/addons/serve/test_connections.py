"""How much and how long a client may say: heads, bodies, requests in a row, other protocols, connections."""

import http.client
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from benchmarks import load
from pipeline.addons.serve import connections, reading
from tests.serving import BRIGHT, RAW, Pointed, Slow, connect, get, require_good, send_raw, served


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(Pointed()) as where:
        yield where


def test_a_body_that_claims_more_than_is_read_is_refused_at_once(address: str) -> None:
    with connect(address) as client:
        client.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10000000000\r\n\r\n" + b"[" * 1000
        )
        assert client.recv(99).startswith(b"HTTP/1.1 413 ")
    require_good(address)


def test_a_body_that_dawdles_gets_a_408(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 0.2)
    with connect(address) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{")
        assert client.recv(99).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("begun", [b"", b"POST /invo", b"POST / HTTP/1.1\r\nHost: x\r\n"])
def test_a_request_that_dawdles_is_cut_off(address: str, begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SECONDS", 0.2)
    with connect(address) as client:
        client.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\n\n"):
            answer += client.recv(999)
        assert answer.startswith(b"HTTP/1.1 200 ")
        client.sendall(begun or b"G")
        assert client.recv(999) == b""
    with connect(address) as client:
        client.sendall(begun)
        assert client.recv(999) == b""
    require_good(address)


@pytest.mark.parametrize(
    ("begun", "more"),
    [
        (b"GET /", b"a" * 999),
        (b"GET /ping HTTP/1.1\r\nHost: ", b"x" * 999),
        (b"GET /ping HTTP/1.1\r\n", b"A: b\r\n" * 99),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 99),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1", b";a=b" * 99),
    ],
    ids=["address", "header", "headers", "trailers", "extensions of a chunk"],
)
def test_headers_without_end_are_cut_off(address: str, begun: bytes, more: bytes) -> None:
    with connect(address) as client, suppress(ConnectionError):
        client.sendall(begun)
        for _ in range(10_000):
            client.sendall(more)
        pytest.fail("all of them were read")
    require_good(address)


def test_many_requests_of_one_client_are_not_taken_for_one_long_head(address: str) -> None:
    connection = http.client.HTTPConnection(address)
    for _ in range(100):
        connection.request("GET", "/ping", headers={"X": "x" * 5000})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"\n")
    connection.close()


def statuses(client: socket.socket) -> list[bytes]:
    """Return the status lines of all answers until the service hangs up, or nothing more comes."""
    received = b""
    with suppress(TimeoutError, ConnectionError):
        while more := client.recv(2**16):
            received += more
    return re.findall(rb"HTTP/1.1 \d+", received)


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_who_asks_for_http_2_is_told_to_ask_by_http_1(address: str, method: bytes) -> None:
    head = b" /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n"
    with connect(address) as client:
        client.sendall(method + head + b"\r\n{}" + b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(999), b""))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"the header Upgrade asks for 'h2c': ask by HTTP/1.1 alone" in answer


@pytest.mark.parametrize(("more", "answered"), [(15, 16), (5000, 0)])
def test_requests_that_come_before_the_last_answer_are_answered_in_turn_as_far_as_there_is_room(
    more: int, answered: int
) -> None:
    model: Any = Slow()
    asked = load.request("/invocations", BRIGHT.tobytes(), RAW, Shape="1, 28, 28, 1")
    with served(model) as address, connect(address) as client:
        client.sendall(asked + b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * more)
        time.sleep(0.2)
        model.go.set()
        client.settimeout(2)
        assert statuses(client).count(b"HTTP/1.1 200") == answered


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"BREW /ping HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", b"400"),
        (b"GET /ping HTTP/1.0\r\n\r\n", b"200"),
    ],
)
def test_a_request_that_is_none_is_refused(address: str, sent: bytes, status: bytes) -> None:
    with connect(address) as client:
        client.sendall(sent)
        assert statuses(client) == [b"HTTP/1.1 " + status]
    require_good(address)


def test_connections_over_the_limit_are_refused_and_the_next_is_not(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST", 20)
    monkeypatch.setattr(connections, "SECONDS", 1)
    idle = [connect(address) for _ in range(25)]
    time.sleep(0.1)
    assert idle[-1].recv(99).startswith(b"HTTP/1.1 503 ")
    for client in idle:
        client.close()
    time.sleep(0.1)
    require_good(address)


def test_large_bodies_beyond_those_there_is_room_for_wait_at_their_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE", 2)
    model: Any = Slow()
    with served(model) as address, ThreadPoolExecutor(9) as threads:
        images = np.concatenate([BRIGHT] * 1000)
        asked = [threads.submit(send_raw, address, images) for _ in range(6)]
        time.sleep(0.5)
        assert b"\nserve_waiting_requests 1.0\n" in get(address, "/metrics")[1]  # and another one is computed
        small = threads.submit(send_raw, address, BRIGHT)
        time.sleep(0.2)
        assert b"\nserve_waiting_requests 2.0\n" in get(address, "/metrics")[1]
        model.go.set()
        assert [one.result()[0] for one in (*asked, small)] == [200] * 7


def test_a_large_body_that_waits_too_long_is_answered_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE", 2)
    monkeypatch.setattr(reading, "SECONDS", 0.5)
    model: Any = Slow()
    with served(model) as address, ThreadPoolExecutor(9) as threads:
        images = np.concatenate([BRIGHT] * 5000)
        asked = [threads.submit(send_raw, address, images) for _ in range(6)]
        time.sleep(1)
        model.go.set()
        assert sorted(one.result()[0] for one in asked) == [200, 200, 503, 503, 503, 503]
