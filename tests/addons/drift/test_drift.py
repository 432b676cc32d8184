import http.client
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.drift import changes, observations
from pipeline.addons.drift import command as drift
from pipeline.addons.drift.observations import PIXELS
from pipeline.addons.serve import observing
from pipeline.addons.serve.observing import Observer
from pipeline.base import errors, files
from pipeline.base.errors import InputError
from pipeline.tracking import paths
from tests.finished import CLASS_NAMES, IMAGES, Finished, network, table
from tests.serving import Pointed, served

RANDOM = np.random.default_rng(5)


def test_what_is_noted_of_a_picture_is_what_it_says() -> None:
    image = np.zeros((1, 4, 4, 1), np.uint8)
    image[0, 1:3, 1:3] = 100
    noted = observations.observe(image, np.ones((1, 2)))
    assert {name: float(noted[name][0]) for name in PIXELS} == pytest.approx(
        {"brightness": 25, "contrast": float(image.std()), "background": 0, "detail": 4 * 100 / 12}
    )


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3]), st.integers(0, 99))
def test_a_log_reads_back_as_it_was_noted(count: int, height: int, width: int, channels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, height, width, channels), np.uint8)
    noted = observations.observe(images, random.dirichlet([1, 1, 1], count).astype(np.float32))
    (read,) = observations.parse(observations.lines(noted, "f" * 64), "log", 3).values()
    assert all(np.allclose(read[name], noted[name], atol=0.0051) for name in (*PIXELS, "probabilities"))


def test_a_last_line_that_is_being_written_is_left_out() -> None:
    line = observations.lines(observations.observe(IMAGES[:1], np.ones((1, 2))), "f")
    assert len(observations.parse(line + line[:40], "log", 2)["f"]["brightness"]) == 1


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"fingerprint": "f"}', "null", "[" * 100_000])
def test_a_line_that_is_no_observation_is_named(line: str) -> None:
    good = observations.lines(observations.observe(IMAGES[:1], np.ones((1, 2))), "f")
    with pytest.raises(InputError, match=r"^log: line 2: .* is no observation of 2 classes: delete it$"):
        observations.parse(good + line + "\n", "log", 2)


def test_pictures_like_the_test_split_raise_few_alarms_and_others_many() -> None:
    images = RANDOM.integers(0, 200, (600, 5, 5, 1), np.uint8)
    answers = RANDOM.dirichlet([1, 1, 1, 1], 600)
    test = observations.observe(images[:300], answers[:300])

    def alarmed(number: int, added: int) -> bool:
        chosen = np.random.default_rng(number).permutation(300)[:100] + 300
        seen = observations.observe(images[chosen] + np.uint8(added), answers[chosen])
        return any(change.moved for change in changes.compare(test, seen, CLASS_NAMES))

    assert sum(alarmed(number, 0) for number in range(100)) <= 3
    assert all(alarmed(number, 30) for number in range(20))


@pytest.mark.parametrize(
    ("count", "code", "said"), [(200, 0, "nothing has moved"), (60, 1, "have moved beyond chance")]
)
def test_the_command_tells_whether_answers_are_those_of_the_test_split(
    finished: Finished,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: int,
    code: int,
    said: str,
) -> None:
    finished.train("vgg", network(40), log=False)
    files.write_json(paths.DATASET, {"class_names": CLASS_NAMES})
    answers = np.exp(table(40)[IMAGES[:count].ravel()])
    answers /= answers.sum(axis=1, keepdims=True)
    noted = observations.observe(IMAGES[:count], answers)
    Path("log").write_text(
        observations.lines({name: values[:3] for name, values in noted.items()}, "e" * 64)
        + observations.lines(noted, finished.fingerprint("vgg"))
    )
    monkeypatch.setattr(sys, "argv", ["drift", "log"])
    with pytest.raises(SystemExit) as ended:
        errors.run(drift.main)
    printed = capsys.readouterr().out
    assert ended.value.code == code
    assert said in printed
    assert f"vgg-42: {count} pictures against the test split" in printed
    assert "3 pictures met a model that dvc.lock has no more (fingerprint eeeeeeeeeeee)" in printed


def test_a_model_that_answered_last_and_is_not_in_dvc_lock_is_no_all_clear(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished.train("vgg", network(40), log=False)
    files.write_json(paths.DATASET, {"class_names": CLASS_NAMES})
    answers = np.exp(table(40)[IMAGES.ravel()])
    noted = observations.observe(IMAGES, answers / answers.sum(axis=1, keepdims=True))
    of_vgg, of_another = (observations.lines(noted, of) for of in (finished.fingerprint("vgg"), "e" * 64))
    Path("log").write_text(of_another + of_vgg + of_another)  # a promotion, and its rollback
    monkeypatch.setattr(sys, "argv", ["drift", "log"])
    with pytest.raises(SystemExit) as ended:
        errors.run(drift.main)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert "vgg-42: 200 pictures against the test split" in told.out
    assert told.err.startswith(
        "error: log: the model that answered last (fingerprint eeeeeeeeeeee) is not in dvc.lock: "
    )
    assert told.err.count("\n") == 1


def test_the_service_notes_no_more_pictures_than_a_log_should_have(tmp_path: Path) -> None:
    images = RANDOM.integers(0, 90, (30, 28, 28, 1), np.uint8)
    with served(Pointed(), observer=Observer(tmp_path / "log")) as address:
        for some in (images[:4], images):
            connection = http.client.HTTPConnection(address, timeout=60)
            kind = {"Content-Type": "application/octet-stream", "Shape": ",".join(map(str, some.shape))}
            connection.request("POST", "/invocations", some.tobytes(), kind)
            assert connection.getresponse().status == 200
            connection.close()
    (noted,) = observations.read(tmp_path / "log", 2).values()
    expected = observations.observe(np.concatenate([images[:4], images]), np.empty(0))
    assert 10 <= len(noted["brightness"]) < 20
    assert noted["brightness"] == pytest.approx(expected["brightness"][: len(noted["brightness"])], abs=0.0051)
    assert noted["probabilities"].tolist() == [[0.1, 0.9]] * len(noted["brightness"])


def test_a_long_log_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "LONGEST", 1000)
    observer = Observer(tmp_path / "log")
    for _ in range(9):
        observer.note(Pointed(), IMAGES[:1], np.array([[0.1, 0.9]]))  # type: ignore[arg-type]  # a stand-in
    assert (tmp_path / "log.1").stat().st_size >= 1000 > (tmp_path / "log").stat().st_size > 0


def test_a_log_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--observe .*gone/log cannot be written \(No such file"):
        Observer(tmp_path / "gone/log")


@pytest.mark.parametrize("content", [None, b"", b"\xff\n"])
def test_a_log_without_observations_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "log").write_bytes(content)
    with pytest.raises(InputError, match=r"--observe"):
        observations.read(tmp_path / "log", 2)
