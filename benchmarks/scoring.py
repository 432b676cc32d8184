"""Images a second that `python -m pipeline score` gives, in one process and by two actors of Ray, in turn.

The images are the test split, ten times over as an array in a file, and once as a folder of PNG files. Ray's
start counts, and each actor's; the command's own start and its model's first loading only in the seconds in brackets.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.data import arrays
from pipeline.tracking import paths

MODELS = ("baseline", "vgg")
ENGINES = {"one process": [], "Ray, two actors": ["--at-once", "2"]}
TIMES = 10


def table() -> str:
    """Score with every model, input and engine, and return a Markdown table."""
    lines = ["| model | input | images | " + " | ".join(f"{name}: images/s (command)" for name in ENGINES) + " |"]
    lines.append("|---|---|---:|" + "---:|" * len(ENGINES))
    images, _ = arrays.read(paths.TEST)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        inputs = {"folder of PNG files": _folder(folder, images), "array": _array(folder, images)}
        for model in MODELS:
            for kind, (source, count) in inputs.items():
                cells = [measured(model, source, folder / f"{model}{source.name}{name}", name) for name in ENGINES]
                lines.append(f"| {model} | {kind} | {count:,} | {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    return "\n".join(lines)


def measured(model: str, source: Path, out: Path, engine: str) -> str:
    """Return the images a second, and the seconds of the whole command."""
    command = [sys.executable, "-m", "pipeline", "score", str(source), "--model", model, "--out", str(out)]
    start = time.monotonic()
    done = subprocess.run([*command, *ENGINES[engine]], check=True, capture_output=True, text=True)
    seconds = time.monotonic() - start
    return f"{re.findall(r'([0-9,]+) a second', done.stdout)[-1]} ({seconds:.0f} s)"


def _folder(place: Path, images: np.ndarray) -> tuple[Path, int]:
    folder = place / "pictures"
    folder.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / f"{index:05d}.png")
    return folder, len(images)


def _array(place: Path, images: np.ndarray) -> tuple[Path, int]:
    file, count = place / "images.npy", TIMES * len(images)
    np.save(file, np.tile(images, (TIMES, 1, 1, 1)))
    return file, count
