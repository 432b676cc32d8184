"""A real PostgreSQL on loopback."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.servers import free_port


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a new PostgreSQL and return its address; skip the test where it is not installed."""
    programs = [Path(found).parent for found in [shutil.which("initdb")] if found]
    programs += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    folder, port = Path(tempfile.mkdtemp(prefix="postgresql-")), free_port()
    as_user: list[str] = []
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]
    control = [*as_user, str(programs[0] / "pg_ctl"), "-D", str(folder / "data"), "--silent", "-w"]
    try:
        _quietly(*as_user, str(programs[0] / "initdb"), "-D", str(folder / "data"), "-U", "mlflow", "-A", "trust")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder}"
        _quietly(*control, "-l", str(folder / "log"), "-o", options, "start")
        yield f"postgresql://mlflow@127.0.0.1:{port}/postgres"
        _quietly(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _quietly(*command: str) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
