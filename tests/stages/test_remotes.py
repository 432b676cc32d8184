"""One truth for many machines: clones share what was made by a DVC remote, a folder or S3, or by a common cache."""

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import kills
from benchmarks.workspace import Workspace

pytestmark = pytest.mark.slow
SMALL: dict[str, Any] = {"blocks": [{"filters": [4]}], "dense": [{"units": 8}]}
PARAMS = kills.params(2) | {"models": {"one": SMALL, "two": SMALL}}
MADE = {f"{stage}@{model}-1" for stage in ("train", "evaluate") for model in ("one", "two")}
UP_TO_DATE = "Data and pipelines are up to date."


def dvc(workspace: Workspace, *words: str) -> str:
    done = workspace.run("dvc", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def with_remote(folder: Path, *options: tuple[str, str], url: str) -> Workspace:
    """Make a folder whose committed configuration names a remote."""
    workspace = Workspace(folder)
    workspace.write(PARAMS)
    dvc(workspace, "remote", "add", "--default", "team", url)
    for name, value in options:
        dvc(workspace, "remote", "modify", "team", name, value)
    return workspace


def shared(workspace: Workspace) -> None:
    """Make everything, push it, and commit, as the documentation has it."""
    assert workspace.repro() >= MADE
    dvc(workspace, "push", "--run-cache")
    workspace.commit()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Run an S3 server with an empty bucket; return the remote's URL, and the server's."""
    server = pytest.importorskip("moto.server", reason="make test installs it").ThreadedMotoServer(port=0)
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="team")
    yield "s3://team/fashion", endpoint
    server.stop()


def assert_a_clone_has_everything(workspace: Workspace, clone: Workspace) -> None:
    dvc(clone, "pull")
    assert UP_TO_DATE in dvc(clone, "repro")
    assert clone.digests() == workspace.digests()
    assert not list(clone.folder.glob(".runs/*"))  # no training began


def test_a_clone_that_trained_nothing_gets_every_result_from_s3(tmp_path: Path, bucket: tuple[str, str]) -> None:
    url, endpoint = bucket
    workspace = with_remote(tmp_path / "first", ("endpointurl", endpoint), url=url)
    shared(workspace)
    assert_a_clone_has_everything(workspace, workspace.clone(tmp_path / "second"))


def test_a_clone_gets_every_result_from_a_folder_and_what_another_tried_without_a_commit(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    first = with_remote(tmp_path / "first", url=str(remote))
    shared(first)
    second = first.clone(tmp_path / "second")
    assert_a_clone_has_everything(first, second)

    changed = copy.deepcopy(PARAMS)
    changed["train"]["epochs"] = 3
    for workspace in (first, second):
        workspace.write(changed)
    assert first.repro() >= MADE
    shutil.copytree(first.folder / ".dvc/cache", remote, dirs_exist_ok=True)  # `dvc push` leaves out what git keeps
    dvc(second, "fetch", "--run-cache")
    assert second.repro("--pull") <= {"report"}
    assert second.digests() == first.digests()


def test_two_clones_train_a_model_each_at_once_and_a_third_collects(tmp_path: Path) -> None:
    origin = Workspace(tmp_path / "origin")
    origin.write(PARAMS)
    dvc(origin, "cache", "dir", str(tmp_path / "cache"))
    origin.repro("prepare", "duplicates")
    origin.commit()
    machines = {model: origin.clone(tmp_path / model) for model in ("one", "two")}
    for machine in machines.values():
        dvc(machine, "checkout", "--allow-missing")
    trainings = [machine.start("dvc", "repro", "-s", f"train@{model}-1") for model, machine in machines.items()]
    printed = [training.communicate() for training in trainings]  # both run meanwhile
    assert [training.returncode for training in trainings] == [0, 0], printed

    collector = origin.clone(tmp_path / "collector")
    dvc(collector, "checkout", "--allow-missing")
    assert collector.repro() == {"evaluate@one-1", "evaluate@two-1", "report"}
    for model, machine in machines.items():
        file = Path("models", f"{model}-1.keras")
        assert (collector.folder / file).read_bytes() == (machine.folder / file).read_bytes()
