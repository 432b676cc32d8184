"""A flipped bit in what is served or predicted with is refused, or made anew; nothing answers with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.addons.predict import trained
from pipeline.addons.registry import folder, model, promotion
from pipeline.addons.registry.model import Model
from pipeline.addons.runtimes import litert
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.tracking import lock, paths
from tests.finished import Finished, network, promote

ABOUT = {"classes": ["Bag", "Café"], "dataset": "shop", "version": "7", "model": "vgg", "fingerprint": "f" * 64}
ABOUT["description"] = "shop version 7: vgg"
NETWORK = np.random.default_rng(0).bytes(500)


def flipped(content: bytes, most: int = 1000) -> Iterator[bytes]:
    """Yield a file's content with one bit flipped, each bit in turn, or as many of them at random."""
    bits = np.random.default_rng(1).permutation(8 * len(content))[:most]
    for bit in bits.tolist():
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def flip(path: Path) -> None:
    path.write_bytes(next(flipped(path.read_bytes())))


@pytest.mark.parametrize("name", [folder.NETWORK, folder.ABOUT, folder.SUMS])
def test_a_version_with_a_flipped_bit_is_refused_before_its_network_is_parsed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "Network", lambda *_: pytest.fail("it was parsed"))
    folder.write(tmp_path, NETWORK, ABOUT)
    assert folder.read(tmp_path) == (NETWORK, ABOUT)
    assert folder.whole(tmp_path)
    for changed in flipped((tmp_path / name).read_bytes()):
        (tmp_path / name).write_bytes(changed)
        with pytest.raises(InputError, match=r"is damaged: its files are not those of SHA256SUMS: delete it, and .*\Z"):
            Model(tmp_path)
        assert not folder.whole(tmp_path)


def test_digests_are_as_sha256sum_reads_them(tmp_path: Path) -> None:
    folder.write(tmp_path, b"", ABOUT)
    first, second = (tmp_path / folder.SUMS).read_text().splitlines()
    assert first == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  model.tflite"
    assert second.endswith("  about.json")


def test_a_version_from_before_there_were_digests_is_none_of_the_registrys_but_a_folder_of_ones_own(
    tmp_path: Path,
) -> None:
    folder.write(tmp_path, NETWORK, ABOUT)
    (tmp_path / folder.SUMS).unlink()
    assert not folder.whole(tmp_path)
    assert folder.read(tmp_path) == (NETWORK, ABOUT)


def test_a_note_of_the_champion_with_a_flipped_bit_is_none_or_right(tmp_path: Path) -> None:
    for number in "12":
        folder.write(folder.place(tmp_path, number, "f" * 64), NETWORK, ABOUT | {"version": number})
    folder.point(tmp_path, noted := folder.place(tmp_path, "1", "f" * 64))
    assert folder.pointed(tmp_path) == noted
    for changed in flipped((tmp_path / folder.POINTER).read_bytes()):
        (tmp_path / folder.POINTER).write_bytes(changed)
        assert folder.pointed(tmp_path) in (None, noted)


def test_fetch_makes_a_damaged_version_anew(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    finished.train("vgg", network(50))
    promote()
    promotion.fetch("digits")
    (place,) = Path(".champion/digits").glob("1-*")
    before = folder.read(place)
    for name in (folder.NETWORK, folder.ABOUT, folder.SUMS):
        flip(place / name)
        promotion.fetch("digits")
        assert folder.read(place) == before


def test_a_network_that_cannot_be_set_up_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("Node number 3 failed to prepare.\nmore")

    monkeypatch.setattr(litert, "Interpreter", refuse)
    with pytest.raises(InputError, match=r"^not a whole LiteRT file \(Node number 3 failed to prepare\.\): export it"):
        litert.Network(b"")


def test_a_keras_file_with_a_flipped_bit_is_refused_by_its_name(
    tmp_path: Path, raw: dict[str, Any], write_params: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_params(raw)
    files.write_json(paths.DATASET, {"class_names": ["a", "b"], "image_shape": [1, 1, 1]})
    files.write_bytes(file := Path("models/baseline-42.keras"), NETWORK)
    outs = [{"path": str(file), "md5": files.md5(file)}]
    files.write_text(lock.LOCK, json.dumps({"stages": {"train@baseline-42": {"cmd": "train", "outs": outs}}}))
    trained.on_disk("baseline")
    for changed in flipped(NETWORK, most=20):
        file.write_bytes(changed)
        with pytest.raises(
            InputError, match=r"^models/baseline-42\.keras is not the file that dvc\.lock tells of: `dvc"
        ):
            trained.on_disk("baseline")
