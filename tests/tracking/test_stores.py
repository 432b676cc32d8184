"""The store that journals are sent to: where it is, made, moved, lost, and refusing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED

from pipeline.base.errors import InputError
from pipeline.commands import sync
from pipeline.tracking import journals, location, sending, server
from tests.conftest import ROOT
from tests.journals import artifacts, model_file, picture, points, row, training


def test_store_is_the_main_repositorys_also_in_an_experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    monkeypatch.chdir(tmp_path)
    assert location.address() == f"sqlite:///{tmp_path}/main/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert location.address() == "http://127.0.0.1:1"


def test_artifacts_lie_beside_the_database_wherever_the_command_runs(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with journals.opened(training(tmp_path), False) as journal:
        run_id = sending.push(client, journal.folder)
    assert client.get_run(run_id).info.artifact_uri.startswith((tmp_path / "mlartifacts").as_uri())


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Callable[[str], Path]:
    """Return a function that gives the one clone, with its store, another name."""
    (tmp_path / "old").mkdir()
    shutil.copy(empty_database, tmp_path / "old/mlflow.db")
    (tmp_path / "train.npz").write_bytes(b"data")

    def move(name: str) -> Path:
        (clone,) = (path.parent for path in tmp_path.glob("*/mlflow.db"))
        monkeypatch.setenv("DVC_ROOT", str(tmp_path / name))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / name}/mlflow.db")  # as make does
        return clone.rename(tmp_path / name)

    return move


def test_a_clone_that_is_renamed_finds_its_models_and_never_goes_back(
    moved: Callable[[str], Path], tmp_path: Path
) -> None:
    import mlflow

    moved("old")
    with journals.opened(training(tmp_path), False) as journal:
        journal.attach_training(model_file(tmp_path), [])
    run_id = sending.push(server.connect(), journal.folder)
    here = moved("a new % 'name'")
    client = server.connect()
    assert client.get_run(run_id).info.artifact_uri.startswith((here / "mlartifacts").as_uri() + "/")
    assert mlflow.pyfunc.load_model(f"runs:/{run_id}/vgg").metadata.run_id == run_id
    with journals.opened(training(tmp_path, "0" * 64), False) as journal:
        journal.attach({"network.png": picture(tmp_path, "network.png", "red")})
    assert artifacts(client, sending.push(client, journal.folder)) == ["network.png"]
    assert not (tmp_path / "old").exists()


def test_a_copy_of_a_clone_leaves_the_first_alone(moved: Callable[[str], Path], tmp_path: Path) -> None:
    first = moved("first")
    with journals.opened(training(tmp_path), False) as journal:
        pass
    run_id = sending.push(server.connect(), journal.folder)
    shutil.copytree(first, tmp_path / "copy")
    (first / "mlflow.db").rename(tmp_path / "kept.db")
    moved("copy")
    assert "/copy/mlartifacts/" in server.connect().get_run(run_id).info.artifact_uri
    (tmp_path / "kept.db").rename(first / "mlflow.db")
    (tmp_path / "copy/mlflow.db").unlink()
    moved("first")
    assert "/first/mlartifacts/" in server.connect().get_run(run_id).info.artifact_uri


def test_experiments_that_a_person_put_elsewhere_stay_there(moved: Callable[[str], Path], tmp_path: Path) -> None:
    moved("old")
    for name, place in (("theirs", "elsewhere/mlartifacts2"), ("theirs too", "old/mlartifacts/inside")):
        server.connect().create_experiment(name, (tmp_path / place).as_uri())
    moved("new")
    found = [server.connect().get_experiment_by_name(name).artifact_location for name in ("theirs", "theirs too")]
    assert found == [(tmp_path / place).as_uri() for place in ("elsewhere/mlartifacts2", "old/mlartifacts/inside")]


def test_what_was_not_sent_before_a_clone_was_renamed_is_sent_after_it(
    moved: Callable[[str], Path], tmp_path: Path
) -> None:
    moved("old")
    with journals.opened(training(tmp_path), False):
        pass
    moved("new")
    assert [sending.push_all(), sending.push_all()] == [1, 0]


@pytest.mark.parametrize("damage", ["text", "cut", "malformed"])
def test_a_damaged_database_is_one_line_with_the_remedy(
    damage: str, tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = empty_database.read_bytes()
    spoilt = {"text": b"words" * 1000, "cut": content[:5000], "malformed": content[:8192] + bytes(len(content) - 8192)}
    (tmp_path / "mlflow.db").write_bytes(spoilt[damage])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    what = "file is not a database" if damage == "text" else "database disk image is malformed"
    with pytest.raises(InputError) as raised, server.errors_in_one_line():
        sync.sync()
    assert f"mlflow.db: {what}: move the file elsewhere, and `python -m pipeline sync`" in str(raised.value)
    assert (tmp_path / "mlflow.db").read_bytes() == spoilt[damage]


def test_deleted_experiment_is_one_clear_line(client: Any, tmp_path: Path) -> None:
    client.delete_experiment(server.experiment_id(client, "digits"))
    with pytest.raises(InputError, match="was deleted: `mlflow experiments restore --experiment-id 1` brings it back"):
        server.experiment_id(client, "digits")


def test_new_store_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "new.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    with monkeypatch.context() as broken:
        broken.setattr("alembic.command.upgrade", lambda *_: 1 / 0)  # amid the migrations
        with pytest.raises(ZeroDivisionError):
            server.connect()
    assert not database.exists()
    assert server.connect().get_experiment_by_name("Default")


@pytest.mark.slow
def test_three_first_uses_of_one_store_at_once_all_succeed(tmp_path: Path) -> None:
    code = "from pipeline.tracking import server\nserver.experiment_id(server.connect(), 'digits')\n"
    env = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/runs.db", "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors


class Broken(BaseHTTPRequestHandler):
    """Answers every request with an error, or not for a long time."""

    delay = 0.0

    def answer(self) -> None:
        sleep(self.delay)
        with suppress(BrokenPipeError):  # nobody has waited
            self.send_error(500)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def broken_server() -> Iterator[str]:
    broken = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    broken.daemon_threads, broken.block_on_close = True, False
    Thread(target=broken.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{broken.server_port}"
    broken.shutdown()
    broken.server_close()


@pytest.mark.parametrize("kind", ["down", "erroring", "slow"])
def test_lost_server_costs_one_warning_and_seconds_and_sync_sends_all(
    kind: str,
    client: Any,
    tmp_path: Path,
    broken_server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Broken, "delay", 60.0 if kind == "slow" else 0.0)
    monkeypatch.setattr(sending, "PATIENCE", 2.0)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9" if kind == "down" else broken_server)
    began = monotonic()
    with sending.in_background() as send, journals.opened(training(tmp_path), False) as journal:
        for epoch in (1, 2, 3):
            journal.log_epoch(row(epoch), 4)
            send()
        assert monotonic() - began < 1.0  # training itself never waits
    assert monotonic() - began < 10.0
    told = capsys.readouterr().err
    assert told.count("warning: MLflow at http://127.0.0.1:") == 1
    assert {"down": "Connection refused", "erroring": "too many 500 error responses", "slow": "is slow"}[kind] in told
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    with journals.appended(training(tmp_path)):  # as `sync` does for what is on disk
        pass
    run_id = sending.push(server.connect(), journal.folder)
    assert points(client, run_id) == [(1, 1.0), (2, 0.5), (3, 1 / 3)]


@pytest.mark.parametrize(
    ("code", "remedy"), [(UNAUTHENTICATED, "MLFLOW_TRACKING_PASSWORD"), (PERMISSION_DENIED, "ask")]
)
def test_server_with_users_that_refuses_is_an_input_error_with_the_remedy(code: int, remedy: str) -> None:
    with pytest.raises(InputError, match=remedy), server.errors_in_one_line():
        raise MlflowException("API request failed with error code != 200", code)
