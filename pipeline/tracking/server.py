"""A client of MLflow, and an experiment for each dataset."""

import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.tracking.location import address, database

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",  # of mlflow's 120
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # of 7
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # a server's client prints two lines for each run
}
ARTIFACTS = "mlartifacts"  # the folder beside a SQLite store
PATHS = {  # where MLflow keeps whole paths into it
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
SYNC = "`python -m pipeline sync` makes all anew from what is on disk"
REFUSED = {  # what a server with users says
    401: "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to a name and a password that it knows",
    403: "MLFLOW_TRACKING_USERNAME may not do that there: ask whoever keeps it for the permission",
}


def connect() -> mlflow.MlflowClient:
    """Return a client of the store; a server that does not answer fails in a minute instead of many."""
    for logger, level in (("mlflow", "WARNING"), ("alembic", "WARNING"), ("urllib3", "ERROR")):
        logging.getLogger(logger).setLevel(level)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    mlflow.set_tracking_uri(address())
    with alone():  # three that make one new database at once would break it
        path = database()
        if path and not path.exists():
            _make(path)
        client = mlflow.MlflowClient()
        client.get_experiment_by_name("Default")
        if path:
            _follow(path)
    return client


def experiment_id(client: mlflow.MlflowClient, name: str) -> str:
    """Return the experiment's id, made on first use; one that was deleted is an `InputError`.

    A SQLite store keeps its artifacts in `mlartifacts` beside the database, wherever a command is run.
    """
    with alone():
        if found := client.get_experiment_by_name(name):
            if found.lifecycle_stage == "deleted":
                remedy = f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
                raise InputError(f"MLflow's experiment {name} at {address()} was deleted: {remedy} brings it back")
            return str(found.experiment_id)
        location = _artifacts(path) if (path := database()) else None
        kind = "custom_model_development"  # not one of generative AI, for UIs that go by this
        return str(client.create_experiment(name, location, {"mlflow.experimentKind": kind}))


def alone(lock: str = "lock") -> AbstractContextManager[Any]:
    """Let one process at a time change a SQLite store, under a lock of that name; for a server, mlflow has none."""
    return FileLock(f"{path}.{lock}") if (path := database()) else nullcontext()


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn what MLflow raises, where it fails or does not answer, into an `InputError`."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        remedy = f"{reason(error):.200}: try again once it answers"
        if type(_root(error)) is sqlite3.DatabaseError:  # a file that is locked raises a subclass
            remedy = f"{reason(error)}: move the file elsewhere, and {SYNC}"
        elif isinstance(error, MlflowException):
            remedy = REFUSED.get(error.get_http_status_code(), remedy)
        raise InputError(f"MLflow at {address()}: {remedy}") from None


def reason(error: BaseException) -> str:
    """Say in a line what is at the root of an error: mlflow wraps `Connection refused` in 300 characters of its own."""
    error = _root(error)
    return (str(error) or type(error).__name__).splitlines()[0]


def _root(error: BaseException) -> BaseException:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error


def _make(path: Path) -> None:
    """Make a SQLite store elsewhere and put it here whole: killed amid mlflow's migrations, one is broken for good."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, path.name)
        mlflow.MlflowClient(f"sqlite:///{made}")
        files.write_bytes(path, made.read_bytes())


def _artifacts(database: Path) -> str:
    return (database.parent / ARTIFACTS).resolve().as_uri()


def _follow(database: Path) -> None:
    """Let a store find its artifacts where they are now, once its folder was moved.

    MLflow makes a relative path whole before it keeps it, `mlflow-artifacts:` needs a server, and a scheme of our own
    could be read by nothing else.
    """
    now = _artifacts(database)
    with closing(sqlite3.connect(database, timeout=60)) as store, store:  # all of it or nothing
        ours = f"artifact_location LIKE 'file:%/{ARTIFACTS}' AND artifact_location != ?"
        known = store.execute(f"SELECT DISTINCT artifact_location FROM experiments WHERE {ours}", [now])  # noqa: S608
        for (before,) in known.fetchall():
            for table, path in PATHS.items():
                moved = f":now || substr({path}, length(:before) + 1)"
                inside = f"instr({path} || '/', :before || '/') = 1"
                store.execute(f"UPDATE {table} SET {path} = {moved} WHERE {inside}", {"now": now, "before": before})  # noqa: S608
