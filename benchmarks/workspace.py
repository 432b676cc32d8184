"""The pipeline on digits, in a folder of its own, run by real `dvc repro` into a real MLflow store."""

import copy
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]


class Workspace:
    """A folder with the pipeline, a params file of its own, and an MLflow store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
            shutil.copy(ROOT / name, folder)
        for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
            subprocess.run(command, cwd=folder, env=os.environ | {"DVC_NO_ANALYTICS": "1"}, check=True)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m COMMAND` to its end, and return it with what it printed."""
        done = self.start(*command, **variables)
        stdout, stderr = done.communicate()
        return subprocess.CompletedProcess(done.args, done.returncode, stdout, stderr)

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start `python -m COMMAND` as the leader of a process group."""
        unset = ("MLFLOW_TRACKING_URI", "SHELL")  # without SHELL, as in CI or cron, DVC takes /bin/sh
        known = {name: value for name, value in os.environ.items() if name not in unset}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=known | {"PATH": path, "DVC_NO_ANALYTICS": "1"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def write(self, params: dict[str, Any]) -> None:
        """Write params.yaml."""
        with (self.folder / "params.yaml").open("w") as file:
            YAML().dump(params, file)

    def repro(self, *options: str, **variables: str) -> set[str]:
        """Run `dvc repro` and return the stages that ran."""
        done = self.run("dvc", "repro", *options, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return set(re.findall(r"Running stage '(.+)'", done.stdout))

    def git(self, *command: str) -> str:
        """Run git and return what it printed."""
        return subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *command],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self) -> None:
        """Commit everything, as `digits`."""
        self.git("add", "-A")
        self.git("commit", "-qm", "digits")

    def clone(self, folder: Path) -> "Workspace":
        """Clone the last commit, as on another machine that has trained nothing."""
        self.git("clone", "--quiet", ".", str(folder))
        other = copy.copy(self)
        other.folder = folder
        return other

    def runs(self, store: str = "mlflow.db", experiment: str = "digits") -> list[Any]:
        """List the runs that a store of the folder has."""
        import mlflow

        client = mlflow.MlflowClient(f"sqlite:///{self.folder}/{store}")
        return list(client.search_runs([client.get_experiment_by_name(experiment).experiment_id]))

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of dvc.lock and of every out."""
        paths = [self.folder / "dvc.lock", *(p for top in ("data", "models", "reports") for p in self.tree(top))]
        return {str(p.relative_to(self.folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}

    def tree(self, top: str) -> list[Path]:
        """List every file below one of its folders, in order."""
        return sorted(path for path in (self.folder / top).rglob("*") if path.is_file())
