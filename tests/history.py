"""A repository of two commits as `dvc repro` leaves it, made in seconds: what DVC keeps is in a real cache."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from pipeline.base import files
from pipeline.data import arrays

CLASS_NAMES = ["bag", "coat"]
IMAGES = 200
LABELS = np.arange(IMAGES) % 2
DVC_YAML = """
stages:
  prepare:
    cmd: prepare
    outs: [data/prepared/test]
  train:
    matrix: {model: "${models}", seed: "${seeds}"}
    cmd: train ${key}
    deps: [data/prepared/test]
    params: ["models.${item.model}"]
    outs: ["models/${key}.keras"]
  evaluate:
    matrix: {model: "${models}", seed: "${seeds}"}
    cmd: evaluate ${key}
    deps: ["models/${key}.keras", data/prepared/test]
    outs: ["data/evaluations/${key}.npz"]
    metrics:
      - reports/${key}/metrics.json: {cache: false}
    plots:
      - reports/${key}/per_class.csv: {cache: false}
"""


class History:
    """A git repository with DVC, whose commits hold what a test says was scored."""

    def __init__(self, folder: Path) -> None:
        """Make the repository, with the test split."""
        self.folder = folder
        files.write_text(folder / "dvc.yaml", DVC_YAML)
        files.write_text(folder / ".gitignore", "/data\n/models\n")
        arrays.write(folder / "data/prepared/test", np.full((IMAGES, 8, 8, 1), 9, np.uint8), LABELS)
        self.git("init", "-q", "-b", "main")
        self.run("dvc", "init", "-q")

    def at(self, folder: Path) -> "History":
        """Return the copy or clone of the repository in another folder."""
        other = copy.copy(self)
        other.folder = folder
        return other

    def score(self, filters: int, right: dict[str, np.ndarray]) -> None:
        """Leave what trainings with so many filters score; `right` says by name, as `vgg-42`, which images."""
        models = {name.rpartition("-")[0]: {"blocks": [{"filters": [filters]}]} for name in right}
        seeds = sorted({int(name.rpartition("-")[2]) for name in right})
        files.write_json(self.folder / "params.yaml", {"seeds": seeds, "models": models})
        for name, images in right.items():
            said = np.where(images, LABELS, 1 - LABELS)
            probabilities = np.where(np.eye(2)[said] > 0, 0.9, 0.1).astype(np.float32)
            made: files.Arrays = {"test_labels": LABELS, "test_probabilities": probabilities}
            files.write_arrays(self.folder / f"data/evaluations/{name}.npz", made)
            files.write_bytes(self.folder / f"models/{name}.keras", json.dumps([filters, name]).encode())
            scores = {"test": {"accuracy": float(images.mean()), "loss": 0.5}, "parameters": 100 * filters}
            files.write_json(self.folder / f"reports/{name}/metrics.json", scores)
            rows = [f"{class_name},1,1,1,{IMAGES // 2}" for class_name in CLASS_NAMES]
            per_class = "\n".join(["class,precision,recall,f1,support", *rows])
            files.write_text(self.folder / "reports" / name / "per_class.csv", per_class)
        self.run("dvc", "commit", "-q", "-f")

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", message)

    def git(self, *command: str) -> None:
        """Run git."""
        subprocess.run(["git", *command], cwd=self.folder, check=True)

    def run(self, *command: str, code: int = 0) -> str:
        """Run `python -m COMMAND`, and return what it printed once it ended with that code."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "DVC_NO_ANALYTICS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr
