import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.drift import command as drift
from pipeline.addons.drift import observations
from pipeline.addons.drift.observations import PIXELS, Observer
from pipeline.base import errors, files
from pipeline.base.errors import InputError
from pipeline.tracking import paths
from tests.finished import CLASS_NAMES, IMAGES, Finished, network, table
from tests.serving import Pointed, send_raw, served

RANDOM = np.random.default_rng(5)


def test_what_is_noted_of_a_picture_is_what_it_says() -> None:
    image = np.zeros((1, 4, 4, 1), np.uint8)
    image[0, 1:3, 1:3] = 100
    noted = observations.observe(image, np.ones((1, 2)))
    assert {name: float(noted[name][0]) for name in PIXELS} == pytest.approx(
        {"brightness": 25, "contrast": float(image.std()), "background": 0, "detail": 4 * 100 / 12}
    )


def log_of(images: np.ndarray, answers: np.ndarray, fingerprint: str) -> str:
    rows = zip(images, answers, strict=True)
    return "".join(observations.line(image[None], answer[None], fingerprint) for image, answer in rows)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3]), st.integers(0, 99))
def test_a_log_reads_back_as_it_was_noted(count: int, height: int, width: int, channels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, height, width, channels), np.uint8)
    answers = random.dirichlet([1, 1, 1], count).astype(np.float32)
    noted = observations.observe(images, answers)
    with tempfile.NamedTemporaryFile("w") as log:
        log.write(log_of(images, answers, "e" * 64) + log_of(images, answers, "f" * 64))
        log.flush()
        fingerprint, read = observations.read(Path(log.name), 3)
    assert fingerprint == "f" * 64
    assert all(np.allclose(read[name], noted[name], atol=0.0051) for name in (*PIXELS, "probabilities"))


GOOD = log_of(IMAGES[:1], np.ones((1, 2)), "f")


def test_a_last_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(GOOD + GOOD[:40])
    assert len(observations.read(tmp_path / "log", 2)[1]["brightness"]) == 1


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"fingerprint": "f"}', "null", "[" * 100_000])
def test_a_line_that_is_no_observation_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(GOOD + line + "\n" + GOOD)
    with pytest.raises(InputError, match=r"log is no log of `serve --observe`, or holds no picture yet \("):
        observations.read(tmp_path / "log", 2)


def test_a_log_of_another_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(GOOD)
    with pytest.raises(InputError, match=r"log has 2 probabilities a picture, not 3: it is another dataset's log$"):
        observations.read(tmp_path / "log", 3)


def test_pictures_like_the_test_split_raise_few_alarms_and_others_many() -> None:
    images = RANDOM.integers(0, 200, (600, 5, 5, 1), np.uint8)
    answers = RANDOM.dirichlet([1, 1, 1, 1], 600)
    test = observations.observe(images[:300], answers[:300])

    def alarmed(number: int, added: int) -> bool:
        chosen = np.random.default_rng(number).permutation(300)[:100] + 300
        seen = observations.observe(images[chosen] + np.uint8(added), answers[chosen])
        return drift.moved(drift.compare(test, seen, CLASS_NAMES)) > 0

    assert sum(alarmed(number, 0) for number in range(100)) <= 3
    assert all(alarmed(number, 30) for number in range(20))


@pytest.fixture
def answers(finished: Finished) -> np.ndarray:
    """Train a model, and return its probabilities of the test images."""
    finished.train("vgg", network(40), log=False)
    files.write_json(paths.DATASET, {"class_names": CLASS_NAMES})
    odds: np.ndarray = np.exp(table(40)[IMAGES.ravel()])
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def ended(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command on the file `log`, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["drift", "log"])
    with pytest.raises(SystemExit) as ended:
        errors.run(drift.main)
    return ended.value.code


@pytest.mark.parametrize(
    ("count", "code", "said"), [(200, 0, "0 of 9 numbers have moved beyond"), (60, 1, "numbers have moved beyond")]
)
def test_the_command_tells_whether_answers_are_those_of_the_test_split(
    finished: Finished,
    answers: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: int,
    code: int,
    said: str,
) -> None:
    before = log_of(IMAGES[:3], answers[:3], "e" * 64)
    Path("log").write_text(before + log_of(IMAGES[:count], answers[:count], finished.fingerprint("vgg")))
    assert ended(monkeypatch) == code
    printed = capsys.readouterr().out
    assert said in printed
    assert f"vgg-42: {count} pictures against the test split" in printed


@pytest.mark.parametrize(
    ("count", "after", "said"),
    [
        (19, "", "19 pictures of vgg-42 tell nothing yet: 20 at least are needed"),
        (200, "e" * 64, "the model that answered last (fingerprint eeeeeeeeeeee) is not in dvc.lock: "),
    ],
    ids=["few", "another model"],
)
def test_what_tells_nothing_is_no_all_clear(
    finished: Finished,
    answers: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: int,
    after: str,
    said: str,
) -> None:
    later = log_of(IMAGES, answers, after) if after else ""
    Path("log").write_text(log_of(IMAGES[:count], answers[:count], finished.fingerprint("vgg")) + later)
    assert ended(monkeypatch) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"error: log: {said}")
    assert told.err.count("\n") == 1


def test_the_service_notes_the_first_picture_of_an_answer_and_not_too_many(tmp_path: Path) -> None:
    images = RANDOM.integers(0, 90, (30, 28, 28, 1), np.uint8)
    with served(Pointed(), observer=Observer(tmp_path / "log")) as address:
        for some in (images, images[1:], images[2:]):
            assert send_raw(address, some)[0] == 200
        time.sleep(0.2)
        assert send_raw(address, images[3:])[0] == 200
    fingerprint, noted = observations.read(tmp_path / "log", 2)
    expected = observations.observe(images[[0, 3]], np.empty(0))
    assert fingerprint == Pointed.about["fingerprint"]
    assert 2 <= len(noted["brightness"]) < 4
    assert noted["brightness"][[0, -1]] == pytest.approx(expected["brightness"], abs=0.0051)
    assert noted["probabilities"][0].tolist() == [0.1, 0.9]


def test_a_long_log_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observations, "LONGEST", 1000)
    monkeypatch.setattr(observations, "PAUSE", 0)
    observer = Observer(tmp_path / "log")
    for _ in range(9):
        observer.note(IMAGES[:1], np.array([[0.1, 0.9]]), "f" * 64)
    assert (tmp_path / "log.1").stat().st_size >= 1000 > (tmp_path / "log").stat().st_size > 0


def test_a_log_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--observe .*gone/log cannot be written \(No such file"):
        Observer(tmp_path / "gone/log")


@pytest.mark.parametrize("content", [None, b"", b"\xff\n"])
def test_a_log_without_observations_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "log").write_bytes(content)
    with pytest.raises(InputError, match=r"log is no log of `serve --observe`"):
        observations.read(tmp_path / "log", 2)
