"""What several test modules share."""

import copy
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from ruamel.yaml import YAML

import pipeline.network  # noqa: F401  # first, or another import would bring TensorFlow as it comes
from pipeline.base import files

if TYPE_CHECKING:
    from tests.finished import Finished

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "tests" / "params.yaml"  # as first committed; people edit the one above
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.path.name not in ("test_survival.py", "test_end_to_end.py"))


@pytest.fixture
def raw() -> dict[str, Any]:
    """Return a whole params file as plain mappings, for a test to change."""
    return copy.deepcopy(files.read_yaml(PARAMS))


@pytest.fixture
def write_params(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Return a function that writes a params file and returns its path."""

    def write(content: dict[str, Any]) -> Path:
        path = tmp_path / "params.yaml"
        with path.open("w", encoding="utf-8") as file:
            YAML().dump(content, file)
        return path

    return write


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C raise `KeyboardInterrupt`, also where the tests run in a shell's background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store once: its tables take some seconds."""
    import mlflow

    path = tmp_path_factory.mktemp("store") / "runs.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Any:
    """Return a client of a store of the test's own, in a repository of its own with something to train on."""
    from pipeline.tracking import server

    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    shutil.copy(empty_database, tmp_path / "runs.db")
    (tmp_path / "train.npz").write_bytes(b"data")
    return server.connect()


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> "Finished":
    """Make the working folder one that `dvc repro` has finished, with a store of its own."""
    from tests.finished import Finished

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path / "runs.db")
    return Finished(tmp_path)
