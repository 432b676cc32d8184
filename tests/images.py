"""Dockerfiles read, and built without Docker: each stage in an empty folder that stands for its root."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT


@dataclass
class Stage:
    """What a stage has come to: its root, and what a container of it would be started with."""

    root: Path
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def inside(self, text: str) -> str:
        """Return a text with its paths of the image, as /packages, below this stage's root."""
        return re.sub(r"(?<![\w.*:/}\"])/(?=[a-z])(?!dev/)", f"{self.root}/", text)

    def words(self, *names: str) -> list[str]:
        """Return a command; Python comes from outside, and brings none of its packages."""
        words = [word for name in names for word in json.loads(self.settings[name])]
        assert words.pop(0) == "python3"
        return [sys.executable, "-S", *map(self.inside, words)]

    def variables(self) -> dict[str, str]:
        """Return the environment of a container."""
        outside = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE") if name in os.environ}
        return outside | {name: self.inside(value) for name, value in self.environment.items()}

    @property
    def work(self) -> Path:
        """Return the folder in which commands run."""
        return self.root / self.folder.strip("/")


def instructions(name: str) -> list[tuple[str, str]]:
    """List a Dockerfile's instructions, as (word, rest), without comments and ends of lines."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text(), flags=re.M)
    return [(line.split()[0], line.split(None, 1)[1]) for line in text.replace("\\\n", "").splitlines() if line.strip()]


def copied(name: str) -> list[str]:
    """List what a Dockerfile takes from this repository."""
    taken = [rest.split() for word, rest in instructions(name) if word == "COPY" and not rest.startswith("--from")]
    return [source for *sources, _ in taken for source in sources if not source.startswith("$")]


def build(name: str, folder: Path, context: Path, **arguments: str) -> Stage:
    """Take every step of a Dockerfile, and return its last stage."""
    stages: dict[str, Stage] = {}
    for word, rest in instructions(name):
        rest = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], rest)
        if word == "FROM":
            base, _, label = rest.partition(" AS ")
            stage = stages[label or "last"] = _begun(folder / (label or "last"), stages.get(base))
        elif word == "COPY":
            _copy(rest.split(), stage, stages, context)
        elif word == "RUN":
            _run(rest, stage)
        elif word == "WORKDIR":
            stage.folder = rest
            stage.work.mkdir(parents=True, exist_ok=True)
        elif word == "ENV":
            stage.environment |= dict(pair.split("=", 1) for pair in rest.split())
        else:
            stage.settings[word] = rest.partition("CMD ")[2] if word == "HEALTHCHECK" else rest
    return stage


def _begun(root: Path, base: Stage | None) -> Stage:
    if not base:
        root.mkdir()
        return Stage(root)
    shutil.copytree(base.root, root, copy_function=os.link)
    return Stage(root, base.folder, dict(base.environment), dict(base.settings))


def _copy(words: list[str], stage: Stage, stages: dict[str, Stage], context: Path) -> None:
    origin = stages[words.pop(0).removeprefix("--from=")].root if words[0].startswith("--from=") else context
    *sources, target = words
    place = (stage.root if target.startswith("/") else stage.work) / target.strip("/")
    for source in (origin / source.strip("/") for source in sources):
        if source.is_dir():
            shutil.copytree(source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            file = place / source.name if target.endswith("/") else place
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, file)


def _run(rest: str, stage: Stage) -> None:
    if rest.startswith("["):
        stage.settings["RUN"] = rest
        command = stage.words("RUN")
    else:
        command = ["sh", "-ec", stage.inside(rest)]
    done = subprocess.run(command, cwd=stage.work, env=stage.variables(), check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{rest}\n{done.stdout}{done.stderr}"
