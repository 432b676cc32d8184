import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from pipeline.addons.registry import promotion
from pipeline.addons.registry.versions import about
from pipeline.base import files
from pipeline.base.errors import InputError
from tests.conftest import ROOT
from tests.finished import CLASS_NAMES, IMAGES, Finished, aliases, network, promote, versions


def test_first_promotion_makes_a_whole_version(finished: Finished) -> None:
    finished.train("vgg", network(47), validation=93)
    assert promote() == "champion: digits version 1: vgg, test accuracy 0.9400"
    (version,) = versions()
    assert aliases() == {"champion": "1"}
    assert version.tags == {
        "fingerprint": finished.fingerprint("vgg"),
        "model": "vgg",
        "seed": "42",
        "test.accuracy": "0.94",
        "validation.accuracy": "0.93",
        "test.md5": files.read_yaml(Path("dvc.lock"))["stages"]["evaluate@vgg-42"]["deps"][0]["md5"],
        "class_names": '["zero", "one", "two", "three"]',
    }
    assert about(version) == {
        "classes": ["zero", "one", "two", "three"],
        "dataset": "digits",
        "version": "1",
        "model": "vgg",
        "fingerprint": finished.fingerprint("vgg"),
        "description": "digits version 1: vgg, test accuracy 0.9400",
    }


def test_without_a_validation_part_the_only_one_that_passes_is_promoted(finished: Finished) -> None:
    finished.train("vgg", network(47), validation=None)
    assert promote() == "champion: digits version 1: vgg, test accuracy 0.9400"
    (version,) = versions()
    assert "validation.accuracy" not in version.tags


def test_promoting_the_champion_changes_nothing(finished: Finished) -> None:
    finished.train("vgg", network(47))
    promote()
    before = versions()[0].last_updated_timestamp
    assert promote(force=True) == promote() == "already champion: digits version 1: vgg, test accuracy 0.9400"
    assert [version.last_updated_timestamp for version in versions()] == [before]


def test_without_a_finished_run_the_remedy_is_named(finished: Finished) -> None:
    finished.train("vgg", network(47), log=False)
    with pytest.raises(
        InputError, match=r"no finished run of vgg-42 as it is on disk: `python -m pipeline sync` makes"
    ):
        promote(force=True)


def test_a_store_that_is_not_there_is_not_made(finished: Finished) -> None:
    finished.train("vgg", network(47))
    Path("runs.db").unlink()
    with pytest.raises(InputError, match=r"runs\.db is missing: `dvc repro` makes it as it trains, and `python -m pip"):
        promote()
    assert not Path("runs.db").exists()


def test_rollback_swaps(finished: Finished) -> None:
    with pytest.raises(InputError, match="digits has no previous champion"):
        promotion.rollback("digits")
    finished.train("baseline", network(45))
    promote()
    with pytest.raises(InputError, match="digits has no previous champion"):
        promotion.rollback("digits")
    finished.train("vgg", network(50))
    promote("vgg")
    assert promotion.rollback("digits") == "champion: digits version 1: baseline, test accuracy 0.9000"
    assert aliases() == {"champion": "1", "previous": "2"}
    assert promotion.rollback("digits") == "champion: digits version 2: vgg, test accuracy 1.0000"
    assert aliases() == {"champion": "2", "previous": "1"}


class Killed(BaseException):
    """What stands for a kill -9 at one write to the store."""


WRITES = (
    "create_registered_model",
    "create_model_version",
    "set_model_version_tag",
    "set_registered_model_alias",
)


def kill_before(write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise `Killed` in place of the store's write of that number, from 0."""
    done = 0

    def counting(real: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done > write:
                raise Killed
            return real(*arguments, **named)

        return counted

    for name in WRITES:
        monkeypatch.setattr(mlflow.MlflowClient, name, counting(getattr(mlflow.MlflowClient, name)))


def killed_before_each_write(action: Callable[[], object]) -> Iterator[int]:
    """Do something to the store as it now is, killed before each of its writes in turn; yield the write's number."""
    shutil.copy("runs.db", "before.db")
    for write in itertools.count():
        with pytest.MonkeyPatch.context() as patch:
            kill_before(write, patch)
            try:
                action()
                return
            except Killed:
                pass
        yield write
        shutil.copy("before.db", "runs.db")


def test_a_promotion_killed_anywhere_keeps_a_champion_and_heals(finished: Finished) -> None:
    finished.train("baseline", network(45))
    promote()
    finished.train("vgg", network(50))
    for write in killed_before_each_write(lambda: promote("vgg")):
        assert promotion.champion("digits")[2].startswith(("digits version 1: baseline", "digits version 2: vgg"))
        promote("vgg")
        assert aliases() == {"champion": "2", "previous": "1"}, write
        assert [version.tags["model"] for version in versions()] == ["baseline", "vgg"]
    assert write == 2  # the version, two aliases


def test_a_rollback_killed_anywhere_keeps_a_champion_and_is_not_done_twice(finished: Finished) -> None:
    finished.train("baseline", network(45))
    promote()
    finished.train("vgg", network(50))
    promote("vgg")
    for write in killed_before_each_write(lambda: promotion.rollback("digits")):
        if write == 0:
            assert aliases() == {"champion": "2", "previous": "1"}
        else:
            assert aliases() == {"champion": "1", "previous": "1"}
            with pytest.raises(InputError, match="digits has no previous champion"):
                promotion.rollback("digits")
    assert write == 1


def test_champion_needs_the_store_alone(finished: Finished) -> None:
    with pytest.raises(InputError, match="digits has no champion at sqlite"):
        promotion.champion("digits")
    model = network(47)
    finished.train("vgg", model)
    promote()
    for gone in ("data", "models"):
        shutil.rmtree(gone)
    loaded, class_names, words = promotion.champion("digits")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    assert class_names == CLASS_NAMES
    assert words == "digits version 1: vgg, test accuracy 0.9400"
    shutil.rmtree("mlartifacts")
    with pytest.raises(InputError, match="digits version 1 cannot be loaded"):
        promotion.champion("digits")


def test_a_champion_moves_with_its_folder(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, skill in (("baseline", 45), ("vgg", 50)):
        finished.train(name, network(skill))
        promote(name)
    monkeypatch.chdir(folder := finished.folder.rename(finished.folder.with_name("renamed")))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/runs.db")
    assert promotion.champion("digits")[2] == "digits version 2: vgg, test accuracy 1.0000"
    promotion.rollback("digits")
    assert promote("vgg").startswith("champion: digits version 2: vgg")


def test_a_version_registered_by_hand_is_named(finished: Finished) -> None:
    finished.train("vgg", network(47))
    promote()
    client = mlflow.MlflowClient()
    client.create_model_version("digits", versions()[0].source)
    client.set_registered_model_alias("digits", "champion", "2")
    with pytest.raises(InputError, match="digits version 2 is `champion` but not of `promote`"):
        promotion.show("digits")


def command(finished: Finished, *arguments: str) -> subprocess.Popen[str]:
    started = [sys.executable, "-m", "pipeline", "registry", *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(started, cwd=finished.folder, env=env, stdout=-1, stderr=-1, text=True)


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, said = process.communicate()
    return process.returncode, output, said


@pytest.mark.slow
def test_commands_say_one_line_and_exit_by_kind(finished: Finished) -> None:
    assert outcome(command(finished, "show"))[:2] == (
        0,
        "digits has no champion yet: `python -m pipeline registry promote` makes one\n",
    )
    finished.train("baseline", network(44))
    code, output, said = outcome(command(finished, "promote"))
    assert (code, output) == (1, "")
    assert said == "refused: the gate fails: baseline-42 test.accuracy 0.8800 < 0.9000; --force promotes all the same\n"
    code, output, said = outcome(command(finished, "promote", "--model", "vgx"))
    assert (code, output) == (2, "")
    assert said.startswith("error: params.yaml: models: vgx is unknown; did you mean vgg?")
    assert outcome(command(finished, "rollback"))[0] == 2
    code, output, said = outcome(command(finished, "promote", "--force"))
    assert (code, output, said) == (0, "champion: digits version 1: baseline, test accuracy 0.8800\n", "")
    assert [line.split() for line in outcome(command(finished, "show"))[1].splitlines()] == [
        ["alias", "version", "model", "test", "accuracy", "fingerprint", "run"],
        ["champion", "1", "baseline", "0.8800", finished.fingerprint("baseline")[:12], versions()[0].run_id],
    ]


@pytest.mark.slow
def test_two_promotions_at_once_make_one_version(finished: Finished) -> None:
    finished.train("vgg", network(47))
    said = sorted(outcome(process)[:2] for process in [command(finished, "promote") for _ in range(2)])
    words = "champion: digits version 1: vgg, test accuracy 0.9400\n"
    assert said == [(0, f"already {words}"), (0, words)]
    assert (len(versions()), aliases()) == (1, {"champion": "1"})


def test_a_server_that_is_down_is_one_line(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, _, stderr = outcome(command(finished, "show"))
    assert code == 2
    assert stderr.startswith("error: MLflow at http://127.0.0.1:9: ")
    assert stderr.count("\n") == 1
