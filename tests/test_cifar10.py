import gzip
import hashlib
import os
import pickle
import tarfile
import tracemalloc
import types
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.files import Labelled
from pipeline.data.decoders import cifar10
from pipeline.data.decoders.reading import LARGEST
from tests.decoding import damage, has_types, refused, refused_or_decoded
from tests.publishers import NAMES, RANDOM, batch, cifar10_members, python2_pickle, tar


def member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


MEMBERS = cifar10_members()
TAR = tar(MEMBERS)
TEST_BATCH = f"{cifar10.FOLDER}/test_batch"
META = f"{cifar10.FOLDER}/batches.meta"


def decode_cifar10(folder: Path, content: bytes) -> dict[str, Labelled]:
    path = folder / "cifar-10-python.tar.gz"
    path.write_bytes(content)
    return cifar10.decode([path])


def with_member(name: str, value: Any) -> bytes:
    return gzip.compress(tar(MEMBERS | {name: value if isinstance(value, bytes) else python2_pickle(value)}))


def test_pickles_are_written_as_python_2_does() -> None:
    assert hashlib.md5(MEMBERS[META]).hexdigest() == "5ff9c542aee3614f3951f8cda6e48888"  # of the published batches.meta
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy.core, the published name, is deprecated
        read = pickle.loads(MEMBERS[TEST_BATCH], encoding="bytes")
    assert list(read) == [b"batch_label", b"labels", b"data", b"filenames"]
    assert read[b"data"].shape == (6, 3072)


def test_cifar10_is_decoded_as_published(tmp_path: Path) -> None:
    decoded = decode_cifar10(tmp_path, gzip.compress(TAR))
    assert {split: images.shape for split, (images, _) in decoded.items()} == {
        "train": (15, 32, 32, 3),
        "test": (6, 32, 32, 3),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches = [pickle.loads(content, encoding="bytes") for content in list(MEMBERS.values())[:6]]
    images, labels = decoded["train"]
    assert has_types(images, labels)
    assert labels.tolist() == [label for read in batches[:5] for label in read[b"labels"]]
    assert decoded["test"][1].tolist() == batches[5][b"labels"]
    rows = np.concatenate([read[b"data"] for read in batches[:5]])
    for image, y, x, channel in ((0, 0, 1, 0), (3, 1, 0, 2), (14, 31, 30, 1)):
        assert images[image, y, x, channel] == rows[image, channel * 1024 + y * 32 + x]
    assert images.flags["C_CONTIGUOUS"]


def test_cifar10_array_in_columns_is_the_same(tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 256, (2, 3072), np.uint8)
    by_row, by_column = (
        decode_cifar10(tmp_path, with_member(TEST_BATCH, batch(2, "", data=data, labels=[0, 9])))["test"]
        for data in (pixels, np.asfortranarray(pixels))
    )
    assert np.array_equal(by_row[0], by_column[0])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"plain", "not a whole gzip file"),
        (gzip.compress(TAR)[:-9], "not a whole gzip file"),
        (gzip.compress(b""), "not a whole tar archive"),
        (gzip.compress(b"x" * 2000), "not a whole tar archive"),
        (gzip.compress(TAR[: TAR.index(b"batch_label") + 3000]), "not a whole tar archive: unexpected end of data"),
        (
            gzip.compress(tar({META: MEMBERS[META]})),
            "lacks cifar-10-batches-py/data_batch_1, .*not the whole published",
        ),
        (gzip.compress(tar(MEMBERS, member("../x", tarfile.REGTYPE))), r"'\.\./x', outside of its own folder"),
        (gzip.compress(tar(MEMBERS, member("/etc/x", tarfile.REGTYPE))), "'/etc/x', outside of its own folder"),
        (gzip.compress(tar(MEMBERS, member(TEST_BATCH, tarfile.SYMTYPE, "/etc/passwd"))), "is no plain file"),
        (gzip.compress(tar(MEMBERS, member(TEST_BATCH, tarfile.LNKTYPE, META))), "is no plain file"),
        (gzip.compress(tar(MEMBERS, member(TEST_BATCH, tarfile.GNUTYPE_SPARSE))), "is no plain file"),
        (gzip.compress(tar(MEMBERS, member("pipe", tarfile.FIFOTYPE))), "'pipe', which is no plain file"),
        (gzip.compress(tar(MEMBERS, member(META, tarfile.REGTYPE))), "batches.meta twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_archive_that_is_not_cifar10_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    refused(lambda: decode_cifar10(tmp_path, content), f"cifar-10-python.tar.gz .*{expected}")


def test_missing_archive_is_named(tmp_path: Path) -> None:
    refused(lambda: cifar10.decode([tmp_path / "no.tar.gz"]), r"no\.tar\.gz cannot be read \(No such file")


@pytest.mark.parametrize("size", [LARGEST + 1, 10**15, -512])
def test_size_that_a_member_states_is_not_believed(tmp_path: Path, size: int) -> None:
    stated = member("bomb", tarfile.REGTYPE)
    stated.size = size
    content = gzip.compress(stated.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    refused(lambda: decode_cifar10(tmp_path, content), f"'bomb' of {size:,} bytes")


def test_archive_that_unpacks_to_more_than_the_limit_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "LARGEST", 10_000_000)
    bomb = zlib.compressobj(9, wbits=31)
    content = b"".join(bomb.compress(bytes(1_000_000)) for _ in range(30)) + bomb.flush()
    assert len(content) < 40_000
    refused(lambda: decode_cifar10(tmp_path, content[:-8]), "unpacks to more than 10,000,000 bytes")


class Runs:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {RAN}",)


RAN = "ran-by-a-pickle"


def test_pickle_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    evil = python2_pickle(batch(1, "", data=Runs()))
    refused(
        lambda: decode_cifar10(tmp_path, with_member(TEST_BATCH, evil)),
        "test_batch is not a whole pickle of arrays and plain values: it asks for posix.system",
    )
    assert not Path(RAN).exists()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pickle.loads(evil)  # what an ordinary reader does
    assert Path(RAN).exists()


@pytest.mark.parametrize(
    ("evil", "asked"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"cnumpy.core.multiarray\narray\n.", "numpy.core.multiarray.array"),
        (b"c_codecs\nencode\n.", "_codecs.encode"),
        (b"c__builtin__\ngetattr\n.", "builtins.getattr|__builtin__.getattr"),
        (pickle.dumps(types.SimpleNamespace(), 2), "SimpleNamespace"),
    ],
)
def test_pickle_gets_nothing_but_arrays(tmp_path: Path, evil: bytes, asked: str) -> None:
    refused(lambda: decode_cifar10(tmp_path, with_member(TEST_BATCH, evil)), f"it asks for .*({asked})")


def test_index_that_a_pickle_states_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "LARGEST", 10_000_000)
    content = with_member(TEST_BATCH, b"Nr\x00\x00\x00\x01.")  # None, put at 16,777,216
    tracemalloc.start()
    refused(lambda: decode_cifar10(tmp_path, content), "no pickled dictionary")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data": np.zeros((2, 3071), np.uint8)}, r"data is no array of 8-bit values of \(n, 3072\)"),
        ({"data": np.zeros((2, 3072), np.int8)}, "data is no array"),
        ({"data": np.zeros((2, 3072), np.float32)}, "data is no array"),
        ({"data": np.zeros((0, 3072), np.uint8)}, "data is no array"),
        ({"data": np.zeros((1, 2, 3072), np.uint8)}, "data is no array"),
        ({"data": np.full((2, 3072), None)}, "data is no array"),
        ({"data": [0] * 3072}, "data is no array"),
        ({"labels": [0]}, "2 images, but 1 labels"),
        ({"labels": [0, 10]}, "labels are not a list of numbers from 0 to 9"),
        ({"labels": [-1, 0]}, "labels are not a list of numbers from 0 to 9"),
        ({"labels": [0, 1.5]}, "labels are not a list of numbers from 0 to 9"),
        ({"labels": [True, False]}, "labels are not a list of numbers from 0 to 9"),
        ({"labels": (0, 1)}, "labels are not a list of numbers from 0 to 9"),
        ({"labels": np.zeros(2, np.int64)}, "labels are not a list of numbers from 0 to 9"),
        ({"labels": None}, "labels are not a list of numbers from 0 to 9"),
    ],
)
def test_wrong_cifar10_batch_is_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    content = with_member(TEST_BATCH, batch(2, "", **changes))
    refused(lambda: decode_cifar10(tmp_path, content), f"cifar-10-batches-py/test_batch: .*{expected}")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (META, {b"label_names": NAMES[::-1]}, "batches.meta does not name CIFAR-10's classes"),
        (META, {}, "batches.meta does not name CIFAR-10's classes"),
        (META, [1], "batches.meta is no pickled dictionary"),
        (META, b"", "batches.meta is not a whole pickle"),
        (TEST_BATCH, {}, "data is no array"),
        (TEST_BATCH, MEMBERS[TEST_BATCH][:-1], "test_batch is not a whole pickle"),
    ],
    ids=["other classes", "no classes", "a list", "empty", "no data", "cut short"],
)
def test_wrong_cifar10_member_is_named(tmp_path: Path, name: str, value: Any, expected: str) -> None:
    refused(lambda: decode_cifar10(tmp_path, with_member(name, value)), expected)


@given(data=st.data())
def test_damaged_cifar10_is_refused_or_decoded(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    where = data.draw(st.sampled_from(["gzip", "tar", TEST_BATCH, META]))
    if where == "gzip":
        content = damage(gzip.compress(TAR, mtime=0), data)
    elif where == "tar":
        content = gzip.compress(damage(TAR, data), 1)
    else:
        content = with_member(where, damage(MEMBERS[where], data))
    refused_or_decoded(lambda: decode_cifar10(folder, content))
