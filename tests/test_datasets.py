import dataclasses
import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import datasets
from pipeline.datasets import PublishedFile
from pipeline.errors import InputError
from pipeline.files import read_labelled
from pipeline.stages import fetch

CONTENT = gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x03\x05\x06\x07", mtime=0)
FILE = PublishedFile("labels.gz", hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest())


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
    return datasets.find_file(FILE, "things", mirrors, publishers, tmp_path / "downloads")


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
        "nowhere/things/labels.gz: no such file",
        "mirror/things/labels.gz: not the published file: 7 bytes with md5",
        "broken/labels.gz: 503 Server Error",
        "cut/labels.gz: the connection broke off",
        "wrong/things/labels.gz: what was sent does not have the published SHA-256",
        "no/labels.gz: 404 Client Error",
        "http://127.0.0.1:9/labels.gz: no connection",
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


def test_md5_alone_is_not_enough(tmp_path: Path) -> None:
    path = tmp_path / FILE.name
    path.write_bytes(CONTENT)
    assert "sha256" in str(datasets.mismatch(path, PublishedFile(FILE.name, FILE.md5, "0" * 64)))


def test_idx_is_decoded_as_numpy_would(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(CONTENT)
    assert datasets.read_idx(path).tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CONTENT[:-4], "not a whole gzip file"),
        (b"plain", "not a whole gzip file"),
        (CONTENT[:12] + b"\xff\xff" + CONTENT[14:], "not a whole gzip file"),
        (gzip.compress(b""), "not an IDX file"),
        (gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00"), "not an IDX file of 8-bit values"),
        (gzip.compress(b"\x00\x00\x08\x03\x00\x00"), "not an IDX file"),
        (gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x03\x05"), r"should hold \(3,\) values, but holds 1 bytes"),
    ],
    # named, since gzip writes the time, and pytest's workers must agree on the names
    ids=["cut short", "plain text", "damaged", "empty", "floats", "half a header", "too few values"],
)
def test_broken_idx_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=expected):
        datasets.read_idx(path)


def test_four_idx_files_are_fetched_from_a_mirror_and_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_params: Callable[[dict[str, Any]], Path], raw: dict[str, Any]
) -> None:
    write_params(raw)
    files, folder = [], tmp_path / "mirror" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, count in (("train", 3), ("test", 2)):
        images = b"\x00\x00\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28)) + bytes(count * 784)
        labels = b"\x00\x00\x08\x01" + count.to_bytes(4, "big") + bytes(range(count))
        for kind, content in (("images", gzip.compress(images)), ("labels", gzip.compress(labels))):
            (folder / f"{name}-{kind}").write_bytes(content)
            digests = (hashlib.new(algorithm, content).hexdigest() for algorithm in ("md5", "sha256"))
            files.append(PublishedFile(f"{name}-{kind}", *digests))
    entry = dataclasses.replace(datasets.DATASETS["fashion_mnist"], files=tuple(files), publishers=())
    monkeypatch.setitem(datasets.DATASETS, "fashion_mnist", entry)
    monkeypatch.setenv("DATASET_MIRROR", "mirror")  # relative to the repository
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["fetch", "raw"])
    fetch.main()
    decoded = read_labelled(tmp_path / "raw" / "test.npz")
    assert decoded[0].shape == (2, 28, 28, 1)
    assert decoded[1].dtype == np.int64
    assert decoded[1].tolist() == [0, 1]


def test_unequal_counts_are_refused(tmp_path: Path) -> None:
    images = gzip.compress(b"\x00\x00\x08\x03" + b"\x00\x00\x00\x01" * 3 + b"\x09")
    (tmp_path / "i.gz").write_bytes(images)
    (tmp_path / "l.gz").write_bytes(CONTENT)
    with pytest.raises(InputError, match="1 images, but 3 labels"):
        datasets.decode_idx([tmp_path / "i.gz", tmp_path / "l.gz"] * 2)


def test_digits_are_real_and_enlarged() -> None:
    images, labels = datasets.DATASETS["digits"].decode([])["train"]
    assert images.shape == (1797, 28, 28, 1)
    assert images.dtype == np.uint8
    assert images.max() == 255
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_every_entry_is_complete(name: str) -> None:
    dataset = datasets.get(name)
    assert len(set(dataset.class_names)) == len(dataset.class_names)
    assert all(publisher.endswith("/") for publisher in dataset.publishers)
    assert bool(dataset.files) == bool(dataset.publishers)
