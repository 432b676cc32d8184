import dataclasses
import gzip
import hashlib
import os
import pickle
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.addons.published import cifar10
from pipeline.addons.published.datasets import DATASETS
from pipeline.base.errors import InputError
from pipeline.config.schema import Fetch
from pipeline.data import datasets
from pipeline.data.decoders.reading import Splits
from tests.addons.published.publishers import RANDOM, batch, cifar10_members, python2_pickle, tar
from tests.decoding import has_types, refused

MEMBERS = cifar10_members()
TAR = tar(MEMBERS)
TEST_BATCH = f"{cifar10.FOLDER}/test_batch"
META = f"{cifar10.FOLDER}/batches.meta"


def decode_cifar10(folder: Path, content: bytes) -> Splits:
    path = folder / "cifar-10-python.tar.gz"
    path.write_bytes(content)
    return cifar10.decode([path])


def with_test_batch(content: bytes) -> bytes:
    return gzip.compress(tar(MEMBERS | {TEST_BATCH: content}))


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
        decode_cifar10(tmp_path, with_test_batch(python2_pickle(batch(2, "", data=data, labels=[0, 9]))))["test"]
        for data in (pixels, np.asfortranarray(pixels))
    )
    assert np.array_equal(by_row[0], by_column[0])


@pytest.mark.parametrize(
    "content",
    [
        b"plain",
        gzip.compress(TAR)[:20_000],
        gzip.compress(b"x" * 2000),
        gzip.compress(tar({META: MEMBERS[META]})),
        with_test_batch(MEMBERS[TEST_BATCH][:-1]),
        with_test_batch(python2_pickle({})),
    ],
    ids=["text", "cut short", "no tar", "no batches", "a pickle cut short", "no data"],
)
def test_archive_that_is_not_cifar10_is_named(tmp_path: Path, content: bytes) -> None:
    refused(lambda: decode_cifar10(tmp_path, content), "cifar-10-python.tar.gz is not a whole archive of CIFAR-10")


def test_missing_archive_is_named(tmp_path: Path) -> None:
    refused(lambda: cifar10.decode([tmp_path / "no.tar.gz"]), r"no\.tar\.gz cannot be read \(No such file")


def test_archive_without_its_checksum_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "cifar-10-python.tar.gz").write_bytes(gzip.compress(TAR))
    entry = dataclasses.replace(DATASETS["cifar10"], publishers=())
    monkeypatch.setitem(DATASETS, "cifar10", entry)
    refused_as = r"cifar-10-python\.tar\.gz: not the published file: .* with sha256 \w+, not 6d958be074577803d12"
    with pytest.raises(InputError, match=refused_as):
        datasets.read(Fetch(dataset="cifar10"), tmp_path, [str(tmp_path)])


class Runs:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {RAN}",)


RAN = "ran-by-a-pickle"


def test_pickle_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    evil = python2_pickle(batch(1, "", data=Runs()))
    refused(
        lambda: decode_cifar10(tmp_path, with_test_batch(evil)),
        "is not a whole archive of CIFAR-10: it asks for posix.system",
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
    refused(lambda: decode_cifar10(tmp_path, with_test_batch(evil)), f"it asks for .*({asked})")
