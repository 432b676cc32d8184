import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import InputError
from pipeline.data import download
from pipeline.data.download import PublishedFile

CONTENT = gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x03\x05\x06\x07", mtime=0)
FILE = PublishedFile("labels.gz", hashlib.sha256(CONTENT).hexdigest())


class Handler(SimpleHTTPRequestHandler):
    """Serve files; break off `cut/...` half way; fail `broken/...`."""

    def do_GET(self) -> None:
        if "/broken/" in self.path:
            self.send_error(503)
        elif "/cut/" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:10])
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "site").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "site"))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def find(tmp_path: Path, mirrors: list[str], publishers: tuple[str, ...] = ()) -> Path:
    return download.find_file(FILE, "things", mirrors, publishers, tmp_path / "downloads")


def put(folder: Path, content: bytes) -> str:
    (folder / "things").mkdir(parents=True)
    (folder / "things" / FILE.name).write_bytes(content)
    return str(folder)


def test_folder_mirror_is_used_in_place(tmp_path: Path) -> None:
    mirror = put(tmp_path / "mirror", CONTENT)
    assert find(tmp_path, [str(tmp_path / "no"), mirror]) == tmp_path / "mirror" / "things" / FILE.name


def test_corrupted_mirror_is_passed_over(tmp_path: Path) -> None:
    good, bad = put(tmp_path / "good", CONTENT), put(tmp_path / "bad", CONTENT[:-1] + b"\xff")
    assert find(tmp_path, [bad, good]).parent.parent == tmp_path / "good"


@pytest.mark.parametrize("slash", ["", "/"])
def test_url_mirror_is_downloaded_and_kept(tmp_path: Path, server: str, slash: str) -> None:
    put(tmp_path / "site", CONTENT)
    path = find(tmp_path, [server + slash])
    assert path == tmp_path / "downloads" / FILE.name
    assert path.read_bytes() == CONTENT


def test_publisher_comes_after_mirrors(tmp_path: Path, server: str) -> None:
    put(tmp_path / "site", CONTENT)
    publisher = f"{server}/things/"
    assert find(tmp_path, [], (publisher,)) == tmp_path / "downloads" / FILE.name
    mirror = put(tmp_path / "mirror", CONTENT)
    assert find(tmp_path, [mirror], (publisher,)) == tmp_path / "mirror" / "things" / FILE.name


def test_failure_names_every_place_and_both_ways_on(tmp_path: Path, server: str) -> None:
    mirror = put(tmp_path / "mirror", CONTENT[:7])
    put(tmp_path / "site" / "wrong", CONTENT[:-1] + b"\xff")
    places = tuple(f"{server}/{folder}/" for folder in ("broken", "cut", "wrong/things", "no"))
    places += ("http://127.0.0.1:9/",)
    with pytest.raises(InputError) as caught:
        find(tmp_path, [str(tmp_path / "nowhere"), mirror], places)
    message = str(caught.value)
    for expected in (
        "nowhere/things/labels.gz: [Errno 2] No such file or directory",
        "mirror/things/labels.gz: not the published file: 7 bytes with sha256",
        "broken/labels.gz: 503 Server Error",
        "cut/labels.gz: ('Connection broken: IncompleteRead",
        "wrong/things/labels.gz: SHA256 hash of downloaded file (labels.gz) does not match the known hash",
        "no/labels.gz: 404 Client Error",
        "9/labels.gz: HTTPConnectionPool(host='127.0.0.1', port=9): Max retries exceeded",
        "DATASET_MIRROR",
        "make demo",
    ):
        assert expected in message
    assert not (tmp_path / "downloads" / FILE.name).exists()


def test_broken_download_kept_from_before_is_not_used(tmp_path: Path, server: str) -> None:
    put(tmp_path / "site", CONTENT)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / FILE.name).write_bytes(b"half")
    assert find(tmp_path, [server]).read_bytes() == CONTENT


def test_file_without_published_checksums_is_taken_and_that_is_told(
    tmp_path: Path, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "site", CONTENT)
    unchecked = PublishedFile(FILE.name, sha256=None)
    path = download.find_file(unchecked, "things", ["nowhere", server], (), tmp_path / "downloads")
    assert path.read_bytes() == CONTENT
    assert "labels.gz: no checksum is published; dvc.lock will hold what was got" in capsys.readouterr().out


def test_file_without_published_checksums_must_be_there_all_the_same(tmp_path: Path) -> None:
    unchecked = PublishedFile(FILE.name, sha256=None)
    with pytest.raises(InputError, match=r"nowhere/things/labels\.gz: \[Errno 2\] No such file"):
        download.find_file(unchecked, "things", ["nowhere"], (), tmp_path / "downloads")
