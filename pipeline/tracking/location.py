"""Where MLflow is: a SQLite file of the main repository, or a server. Without mlflow, whose import takes seconds."""

import os
from pathlib import Path

SQLITE = "sqlite:///"


def repository() -> Path:
    """Return the main repository, also inside DVC's experiments."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


def address() -> str:
    """Return where MLflow's store is: `MLFLOW_TRACKING_URI`, or else mlflow.db of the main repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{_own()}"


def store() -> str:
    """Return what journals call the present store: a file beside mlflow.db by its name, as a clone may move."""
    file = database()
    return f"{SQLITE}{file.name}" if file and file.parent == _own().parent else address()


def database() -> Path | None:
    """Return the store's SQLite file, or None for a server."""
    return Path(address().removeprefix(SQLITE)).resolve() if address().startswith(SQLITE) else None


def _own() -> Path:
    return (repository() / "mlflow.db").resolve()  # in .demo, a link to the one above
