"""Which version is in use, asked in a millisecond and without mlflow: of its SQLite file or its server."""

import base64
import json
import os
import sqlite3
import urllib.parse
import urllib.request
from contextlib import closing
from typing import NamedTuple

from pipeline.tracking import location

SECONDS = 3  # a server may take
OF_ALIAS = "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = 'champion'"
FINGERPRINT = "SELECT value FROM model_version_tags WHERE name = ? AND version = ? AND key = 'fingerprint'"


class Asked(NamedTuple):
    """A version's number and the fingerprint of its training."""

    version: str
    fingerprint: str


def version(dataset: str, number: str | None = None) -> Asked | None:
    """Return the champion of a dataset, or its version of that number; None if it is not known.

    There may be none, the store may not answer, or it may be of another kind: mlflow has to be asked then.
    """
    try:
        if database := location.database():
            return _of_file(f"{database.as_uri()}?mode=ro", dataset, number)
        return _of_server(dataset, number) if location.address().startswith("http") else None
    except (sqlite3.Error, OSError, ValueError, KeyError, TypeError):
        return None


def _of_file(uri: str, dataset: str, number: str | None) -> Asked:
    with closing(sqlite3.connect(uri, timeout=SECONDS, uri=True)) as store:
        found = number or store.execute(OF_ALIAS, [dataset]).fetchone()[0]
        return Asked(str(found), store.execute(FINGERPRINT, [dataset, found]).fetchone()[0])


def _of_server(dataset: str, number: str | None) -> Asked:
    call = "model-versions/get" if number else "registered-models/alias"
    which = {"version": number} if number else {"alias": "champion"}
    query = urllib.parse.urlencode({"name": dataset, **which})
    address = f"{location.address().rstrip('/')}/api/2.0/mlflow/{call}?{query}"
    request = urllib.request.Request(address, headers=_permission())  # noqa: S310  # of http or https
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        found = json.load(answer)["model_version"]
    return Asked(str(found["version"]), {tag["key"]: tag["value"] for tag in found["tags"]}["fingerprint"])


def _permission() -> dict[str, str]:
    """Return the header by which mlflow's own client would be let in."""
    name, password, token = (os.environ.get(f"MLFLOW_TRACKING_{key}") for key in ("USERNAME", "PASSWORD", "TOKEN"))
    if name and password:
        return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}
    return {"Authorization": f"Bearer {token}"} if token else {}
